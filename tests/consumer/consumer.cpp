// SPDX-License-Identifier: Apache-2.0
// A program of somebody who uses pst: it is built in each of the ways in which pst can be used.
#include <cstdio>
#include <pst/pst.hpp>
#include <vector>

int main() {
  std::vector<float> weight(32 * 64), x(4 * 64, 1.0F), y(4 * 32);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = i % 8 == 0 ? 1.0F : 0.0F;

  const pst::SparseMatrix<> sparse{pst::MatrixView<const float>{weight.data(), 32, 64}};
  sparse.product({x.data(), 4, 64}, {y.data(), 4, 32});

  std::printf("pst %s, y(0, 0) = %g\n", PST_VERSION_STRING, static_cast<double>(y[0]));
  return y[0] == 8.0F ? 0 : 1;
}
