// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/data_order.hpp"

#include <set>
#include <vector>

#include <doctest/doctest.h>

using namespace finetune;

TEST_CASE("small data are gone through more often") {
  CHECK(usual_epochs(2105) == 3);
  CHECK(usual_epochs(1000) == 3);
  CHECK(usual_epochs(227) == 14);
  CHECK(usual_epochs(10) == 40);
}

TEST_CASE("every epoch goes through all sequences once, in another order") {
  Settings settings;
  settings.batch = 4;
  settings.accumulation = 2;
  settings.epochs = 2.5;
  DataOrder order{30, settings};
  CHECK(order.steps_per_epoch() == 4);
  CHECK(order.steps() == 10);
  std::vector<std::vector<std::size_t>> epochs(2);
  for (std::int64_t step = 0; step < 8; ++step)
    for (const auto& batch : order.batches_of(step))
      epochs[static_cast<std::size_t>(step / 4)].insert(epochs[static_cast<std::size_t>(step / 4)].end(), batch.begin(),
                                                        batch.end());
  CHECK(epochs[0] != epochs[1]);
  for (auto& epoch : epochs) {
    CHECK(epoch.size() == 30);
    CHECK(std::set(epoch.begin(), epoch.end()).size() == 30);
  }
  CHECK(order.batches_of(3).size() == 2);  // 6 are left: 4 and 2
  CHECK(order.batches_of(3)[1].size() == 2);
  DataOrder again{30, settings};
  CHECK(again.batches_of(6) == order.batches_of(6));
  settings.seed = 1;
  CHECK(DataOrder{30, settings}.batches_of(6) != order.batches_of(6));
}
