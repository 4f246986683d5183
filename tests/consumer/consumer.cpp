// SPDX-License-Identifier: Apache-2.0
// A program of somebody who uses pst: it is built in each of the ways in which pst can be used.
#include <cstdio>
#include <pst/pst.hpp>
#include <vector>

int main() {
  std::vector<float> weight(32 * 64), x(4 * 64, 1.0F), y(4 * 32, -1.0F);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i % 7) - 3.0F;

  pst::SparseLinear<> layer{{.in = 64, .out = 32}};
  layer.attach(pst::MatrixView<const float>{weight.data(), 32, 64});
  layer.begin_step(1, 2);
  layer.forward(pst::MatrixView<const float>{x.data(), 4, 64}, pst::MatrixView<float>{y.data(), 4, 32});

  std::printf("pst %s, y(0, 0) = %g\n", PST_VERSION_STRING, static_cast<double>(y[0]));
  return y[0] == y[0] ? 0 : 1;
}
