// SPDX-License-Identifier: Apache-2.0
#include "every_header.hpp"

pst::index_t size_in_second_unit(pst::Shape shape);

int main() {
  constexpr pst::Shape shape{.in = 3, .out = 2};
  return size_in_second_unit(shape) == shape.size() ? 0 : 1;
}
