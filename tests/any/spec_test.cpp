// SPDX-License-Identifier: Apache-2.0
#include "pst/any/spec.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <clocale>
#include <limits>
#include <string>
#include <vector>

#include "support/test_types.hpp"

using namespace pst;
using namespace pst::test;

namespace {

std::string refusal(const std::string& text) {
  return error_of([&] { static_cast<void>(read_spec(text)); });
}

}  // namespace

TEST_CASE("a text names a method and its options") {
  CHECK(read_spec("pst") == LinearSpec{});
  CHECK(read_spec("") == LinearSpec{});
  CHECK(read_spec("movement score_start=10 sparsity=0.95") ==
        LinearSpec{.method = "movement", .score_start = 10.0, .sparsity = 0.95});
  CHECK(read_spec("  pst-rc\tseed=18446744073709551615 bias=trained\n") ==
        LinearSpec{.method = "pst-rc", .bias = "trained", .seed = 18446744073709551615U});
  CHECK(read_spec("delta_rank=16") == LinearSpec{.delta_rank = 16});
  CHECK(read_spec(R"(lora name="block 0 \"query\" \\")").name == R"(block 0 "query" \)");
}

TEST_CASE("pairs are read as a text is") {
  const std::vector<SpecEntry> entries{{"method", "magnitude"}, {"sparsity", "0.5"}, {"name", "a b"}};
  CHECK(read_spec(entries) == LinearSpec{.method = "magnitude", .name = "a b", .sparsity = 0.5});
}

TEST_CASE("a specification that is printed reads back as the same") {
  const std::vector<LinearSpec> specs{
      {},
      {.method = "movement", .name = "layer 1 \"x\" \\", .score_start = 0.1, .threads = 3},
      {.importance = "magnitude+low-rank", .delta_rank = 4, .delta_energy = 0.9, .alpha1 = 1.0 / 3.0},
      {.delta = "frozen",
       .selector = "threshold--0.25",
       .refresh = "until-0.5",
       .scores = "sample-4",
       .straight_through = "dense",
       .storage = "bf16",
       .seed = 1U << 31U},
      {.method = "soft-movement", .initial_score = -1e-3, .penalty = 1e7, .target = 0.95, .bias = "trained"},
      {.method = "masking", .threshold = 0.02, .masked = 0.1},
      {.method = "diff", .gate_penalty = 1e-5, .gate_start = -1.5, .bias = "trained"},
      {.sparsity = 0.1,
       .initial_sparsity = 0.05,
       .schedule = "linear",
       .warmup = 0.30000000000000004,
       .cooldown = 0.0,
       .dense_above_density = 0.0}};
  for (const LinearSpec& spec : specs) {
    const std::string text = to_text(spec);
    INFO(text);
    CHECK(read_spec(text) == spec);
  }
  CHECK(to_text({}) == "pst");
  CHECK(to_text(specs[1]) == R"(movement name="layer 1 \"x\" \\" score_start=0.1 threads=3)");
}

TEST_CASE("numbers are the same in every locale") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* locale : {"de_DE.UTF-8", "fr_FR.UTF-8"}) {
    std::setlocale(LC_ALL, locale);
    CHECK(read_spec("pst sparsity=0.75").sparsity == 0.75);
    CHECK(to_text({.sparsity = 0.75}) == "pst sparsity=0.75");
  }
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("a wrong name is answered with the nearest ones") {
  CHECK(refusal("moovement")
            .starts_with("there is no method \"moovement\", expected one of pst, pst-ab, pst-rc, "
                         "magnitude, movement, soft-movement, masking, full, lora, dora"));
  CHECK(refusal("moovement").ends_with("; did you mean movement?"));
  CHECK(refusal("pst sparcity=0.5").ends_with("; did you mean sparsity?"));
  CHECK(refusal("pst sparcity=0.5").starts_with("there is no option \"sparcity\", expected one of name, importance, "));
  CHECK(refusal("pst alpha3=1").ends_with("; did you mean alpha1 or alpha2?"));
  CHECK(refusal("pst importance=magnitud") ==
        "importance has \"magnitud\", expected a sum of some of magnitude, low-rank, row-column, movement, "
        "soft-movement, masking; did you mean magnitude?");
  CHECK(refusal("xylophone").find("did you mean") == std::string::npos);
  CHECK(error_of([] { static_cast<void>(linear_method("loro")); }).ends_with("; did you mean lora?"));
}

TEST_CASE("a value out of range is refused with the range") {
  CHECK(refusal("pst sparsity=1") == "sparsity is 1, expected 0 to below 1");
  CHECK(refusal("pst sparsity=-0.1") == "sparsity is -0.1, expected 0 to below 1");
  CHECK(refusal("pst delta_rank=0") == "delta_rank is 0, expected 1 to 4096");
  CHECK(refusal("pst delta_rank=2.5") == "delta_rank is \"2.5\", expected a whole number, 1 to 4096");
  CHECK(refusal("pst delta_rank=99999999999999999999") ==
        "delta_rank is \"99999999999999999999\", expected a whole number, 1 to 4096");
  CHECK(refusal("pst beta=nan") == "beta is \"nan\", expected a number, -1e30 to 1e30");
  CHECK(refusal("pst beta=") == "beta is \"\", expected a number, -1e30 to 1e30");
  CHECK(refusal("pst threads=-1") == "threads is -1, expected 0 (all) to 4096");
  CHECK(refusal("pst schedule=steep") == "schedule is \"steep\", expected cubic, linear or constant");
  CHECK(refusal("pst scores=every-0") ==
        "scores is \"every-0\", expected every, every-K, sample-K (one token in K) or rest-P (P from 0 to 1)");
  CHECK(refusal("pst refresh=until-2") == "refresh is \"until-2\", expected every, every-K or until-P (P from 0 to 1)");
  CHECK(refusal("pst straight_through=none") == "straight_through is \"none\", expected reference, masked or dense");
  CHECK(refusal("pst bias=on") == "bias is \"on\", expected frozen or trained");
  CHECK(refusal("pst storage=f32") == "storage is \"f32\", expected scalar, bf16 or f16");
  CHECK(refusal("pst delta=none") == "delta is \"none\", expected low-rank, dora, full, gated or frozen");
  CHECK(refusal("pst weighted_by=outputs") == "weighted_by is \"outputs\", expected nothing, inputs or both");
  CHECK(refusal("pst selector=3:4").starts_with("selector is \"3:4\", expected top-k, global, "));
  CHECK(
      refusal("pst warmup=0.6 cooldown=0.5") ==
      "the schedule has a warm-up of 0.6 and a cool-down of 0.5 of the run, expected fractions whose sum is at most 1");
  CHECK(error_of([] { check_spec({.beta = std::numeric_limits<double>::infinity()}); }) ==
        "beta is inf, expected -1e30 to 1e30");
}

TEST_CASE("an option that the method does not use is refused") {
  CHECK(refusal("magnitude delta_rank=4") ==
        "delta_rank is given, but method magnitude does not use it, expected it with pst, pst-ab, pst-rc, lora, dora: "
        "leave it out, or choose one of these");
  CHECK(refusal("lora sparsity=0.9").starts_with("sparsity is given, but method lora does not use it"));
  CHECK(refusal("lora weighted_by=both").starts_with("weighted_by is given, but method lora does not use it"));
  CHECK(refusal("magnitude delta=gated weighted_by=both").starts_with("weighted_by is given, "));
  CHECK(refusal("movement weighted_by=both")
            .ends_with("expected it with pst, pst-ab, pst-rc, magnitude: leave it out, or choose one of these"));
  CHECK(refusal("soft-movement selector=rows").starts_with("selector is given, "));
  CHECK(refusal("masking selector=rows").starts_with("selector is given, "));
  CHECK(refusal("lora threshold=1").ends_with("expected it with masking: leave it out, or choose one of these"));
  CHECK(refusal("masking importance=masking+movement") ==
        "importance has masking and movement, whose scores begin otherwise: choose one of them");
  CHECK(refusal("lora selector=per-row") ==
        "selector is per-row, but method lora ranks no weights, expected all or nonzeros");
  CHECK(refusal("pst selector=nonzeros")
            .starts_with("selector is nonzeros, which keeps its mask for good, but scores of method pst learn: "));
  CHECK(refusal("magnitude selector=nonzeros sparsity=0.5").starts_with("sparsity is given, "));
  CHECK_NOTHROW(static_cast<void>(read_spec("pst selector=nonzeros importance=magnitude")));
  CHECK(error_of([] { check_spec({.method = "full", .beta = 2.0}); }).starts_with("beta is given, "));
  CHECK(refusal("magnitude delta=low-rank delta_rank=4") == "nothing was thrown");
  CHECK(refusal("pst delta=full beta=2").starts_with("beta is given, "));
  CHECK(refusal("magnitude storage=bf16").starts_with("storage is given, "));
  CHECK(refusal("diff storage=bf16").starts_with("storage is given, "));
  CHECK(refusal("lora gate_penalty=1").ends_with("expected it with diff: leave it out, or choose one of these"));
  CHECK(refusal("diff importance=movement") == "delta is gated, and importance movement, expected magnitude with it");
  CHECK(refusal("magnitude delta=frozen") ==
        "nothing trains in magnitude delta=frozen: choose another delta or importance, or bias=trained");
}

TEST_CASE("texts that are none are refused") {
  CHECK(refusal("pst movement") ==
        "the specification pst movement has the word movement, expected a method, then options as name=value");
  CHECK(refusal("pst name=\"a") == "a quote is opened in the specification pst name=\"a and not closed");
  CHECK(refusal("pst beta=1 beta=2") == "option beta is given twice, expected once");
  CHECK(refusal("pst importance=magnitude+magnitude") == "importance has magnitude twice, expected each metric once");
}

TEST_CASE("every option can be looked up, and says which methods use it") {
  CHECK(linear_methods().size() == 12);
  for (const LinearOption& option : linear_options()) {
    INFO(option.name);
    CHECK_FALSE(option.description.empty());
    CHECK_FALSE(option.values.empty());
    CHECK(std::ranges::any_of(linear_methods(), [&](const LinearMethod& method) {
      return uses_option({.method = std::string{method.name}}, option.name);
    }));
  }
  CHECK(uses_option({.method = "movement"}, "score_start"));
  CHECK_FALSE(uses_option({.method = "pst"}, "score_start"));
  CHECK(uses_option({.method = "pst", .importance = "movement"}, "score_start"));
  CHECK(scores_learn({.method = "movement"}));
  CHECK_FALSE(scores_learn({.method = "magnitude"}));
}
