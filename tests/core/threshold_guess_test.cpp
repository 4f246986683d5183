// SPDX-License-Identifier: Apache-2.0
#include "pst/core/threshold_guess.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("a guess is trusted once a threshold is known, and holds it", Key, std::uint32_t, std::uint64_t) {
  ThresholdGuess<Key> guess;
  CHECK_FALSE(guess.trusted());
  for (Key threshold : {Key{0}, Key{1000}, static_cast<Key>(~Key{0}), static_cast<Key>(~Key{0} / 2)}) {
    guess = {};
    guess.learn(threshold);
    CHECK(guess.trusted());
    CHECK(guess.range().holds(threshold));
    CHECK(guess.range().first <= guess.range().last);
  }
}
TEST_CASE_TEMPLATE("a guess goes on as the threshold moves, once that has come closer", Key, std::uint32_t,
                   std::uint64_t) {
  const auto middle = [](const ThresholdGuess<Key>& guess) { return guess.range().first / 2 + guess.range().last / 2; };
  const Key begin = Key{1} << (8 * sizeof(Key) - 2), step = Key{1} << (6 * sizeof(Key));
  for (bool up : {true, false}) {
    const auto at = [&](Key moves) { return static_cast<Key>(up ? begin + moves * step : begin - moves * step); };
    ThresholdGuess<Key> guess;
    guess.learn(at(0));
    CHECK(middle(guess) == at(0));
    guess.learn(at(1));  // nothing was known of moves before
    CHECK(middle(guess) == at(1));
    CHECK_FALSE(guess.trusted());
    guess.learn(at(2));
    CHECK(middle(guess) == at(3));
    CHECK_FALSE(guess.trusted());
    guess.learn(at(3));
    CHECK(middle(guess) == at(4));
    CHECK(guess.trusted());
    guess.learn(at(3));  // it has stopped
    CHECK(middle(guess) == at(3));
    CHECK_FALSE(guess.trusted());
  }
}
TEST_CASE_TEMPLATE("a guess grows until its keys fill some of their memory, and shrinks when they fill too much", Key,
                   std::uint32_t, std::uint64_t) {
  const Key at = Key{1} << (8 * sizeof(Key) - 1);
  ThresholdGuess<Key> guess;
  guess.learn(at);
  const auto width = [&] { return guess.range().last - guess.range().first; };
  const auto before = width();
  guess.learn(at, 0.1);
  CHECK(width() == 2 * before);
  guess.learn(at, 0.4);
  CHECK(width() == 2 * before);
  guess.learn(at);
  CHECK(width() == 2 * before);
  guess.learn(at, 0.6);
  CHECK(width() == before);
  guess.learn(at + at / 2);  // outside
  CHECK(width() == 2 * before);
  for (int i = 0; i < 200; ++i) guess.learn(at, 2.0);
  CHECK(width() == 2);
  for (int i = 0; i < 200; ++i) guess.learn(at, 0.0);
  CHECK(width() >= std::numeric_limits<Key>::max() / 4);
}

}  // namespace
}  // namespace pst::test
