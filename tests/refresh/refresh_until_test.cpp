// SPDX-License-Identifier: Apache-2.0
#include "pst/refresh/refresh_until.hpp"

#include <doctest/doctest.h>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

static_assert(RefreshUntil{.progress = 0.5}.refreshes(0.5, 9));
static_assert(!RefreshUntil{.progress = 0.5}.refreshes(0.51, 0));

TEST_CASE_TEMPLATE("in a layer the mask stays from a progress on, but the first step always makes one", T,
                   ReferenceDouble, PartsFloat) {
  using Layer = typename PstLayer<T>::template with<RefreshUntil>;
  Posed<Layer> posed{{{67, 30}, 5, 3, 4, 0.9}, {}, {.refresh = {.progress = 0.5}}};
  oracle::Mask before;
  for (int step = 0; step <= 8; ++step) {
    CAPTURE(step);
    posed.move_factors();
    posed.layer.begin_step(step, 8);
    const auto mask = unpacked(posed.layer.mask());
    CHECK((mask != before) == (step <= 4));
    before = mask;
  }
  Posed<Layer> late{{{67, 30}, 5, 3, 4, 0.9}, {}, {.refresh = {.progress = 0.5}}};
  late.layer.begin_step(9, 10);
  CHECK(late.layer.kept() == 67 * 30 - 1809);  // trunc(67 * 30 * 0.9) are pruned
}

}  // namespace
}  // namespace pst::test
