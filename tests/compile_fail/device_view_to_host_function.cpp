// SPDX-License-Identifier: Apache-2.0
// A pointer to GPU memory handed to a function that runs on the CPU.
// expect: DeviceSpace
// expect: HostSpace
#include "pst/core/view.hpp"

float first(pst::MatrixView<const float> matrix) { return matrix(0, 0); }

int main() {
  float memory[4] = {1, 2, 3, 4};
#ifndef PST_EXPECT_ERROR
  pst::MatrixView<float> matrix{memory, 2, 2};
#else
  pst::MatrixView<float, pst::DeviceSpace> matrix{memory, 2, 2};
#endif
  return first(matrix) == 1.0F ? 0 : 1;
}
