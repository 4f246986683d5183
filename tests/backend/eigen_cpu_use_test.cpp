// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "support/test_types.hpp"

namespace pst::test {
namespace {

template <class F>
void on_another_thread(F f) {
  std::thread{f}.join();
}
[[nodiscard]] std::string refusal(EigenCpu& on) {
  std::string text;
  on_another_thread([&] { text = error_of([&] { const auto in_use = on.use(); }); });
  return text;
}

TEST_CASE("a thread is refused while another one works with a copy of the same EigenCpu, and told what to do") {
  EigenCpu on{1}, copy = on, other{1};
  {
    const auto in_use = on.use();
    CHECK(refusal(copy).find("another thread is at work with the same scratch memory") != std::string::npos);
    CHECK(refusal(copy).find("an EigenCpu{threads} each") != std::string::npos);
    CHECK(refusal(other) == "nothing was thrown");
  }
  CHECK(refusal(copy) == "nothing was thrown");
}
TEST_CASE("a thread that works with an EigenCpu may come again, and keeps others out until the first is done") {
  EigenCpu on{1}, copy = on;
  {
    const auto in_use = on.use();
    { const auto again = copy.use(); }
    CHECK(refusal(on) != "nothing was thrown");
  }
  CHECK(refusal(on) == "nothing was thrown");
}
TEST_CASE("one that was refused does not let others in") {
  EigenCpu on{1};
  const auto in_use = on.use();
  CHECK(refusal(on) != "nothing was thrown");
  CHECK(refusal(on) != "nothing was thrown");
}
TEST_CASE("backends whose copies share nothing let every thread in") {
  Reference reference;
  const auto in_use = reference.use();
  on_another_thread([&] { const auto too = reference.use(); });
}

}  // namespace
}  // namespace pst::test
