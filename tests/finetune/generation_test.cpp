// SPDX-License-Identifier: Apache-2.0
#include "finetune/metrics/generation.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "finetune/metrics_data.hpp"
#include "io/files.hpp"

namespace finetune::test {
namespace {

using pst::io::test::contains;
using pst::io::test::error_of;

// Both sides add some thousand terms of double precision, in different orders.
constexpr double metric_tolerance = 1e-10;

TEST_CASE("BLEU is sacrebleu's, NIST Doddington's, ROUGE-L and CIDEr coco-caption's") {
  const auto data = metrics_data();
  REQUIRE(data.at("corpora").size() == 3);
  for (const auto& corpus : data.at("corpora")) {
    const auto scores = score_generated(sentences_of(corpus));
    CHECK(scores.bleu == doctest::Approx(corpus.at("bleu").get<double>()).epsilon(metric_tolerance));
    CHECK(scores.nist == doctest::Approx(corpus.at("nist").get<double>()).epsilon(metric_tolerance));
    CHECK(scores.rouge_l == doctest::Approx(corpus.at("rouge_l").get<double>()).epsilon(metric_tolerance));
    CHECK(scores.cider == doctest::Approx(corpus.at("cider").get<double>()).epsilon(metric_tolerance));
  }
}

TEST_CASE("sentences are cut into words as mteval and coco-caption cut them") {
  const auto data = metrics_data();
  REQUIRE(data.at("words").size() > 10);
  for (const auto& one : data.at("words")) {
    const auto text = one.at("text").get<std::string>();
    CAPTURE(text);
    CHECK(mteval_words(text) == one.at("mteval").get<Words>());
    if (one.contains("caption")) CHECK(caption_words(text) == one.at("caption").get<Words>());
  }
}

TEST_CASE("BLEU of the published example counts the clipped words") {
  // Papineni 2002, example 2: a modified precision of 2 / 7 for "the the the the the the the".
  const std::vector<Generated> example{
      {"the the the the the the the", {"The cat is on the mat", "There is a cat on the mat"}}};
  // No brevity penalty; orders 2 to 4 have no match and count 1/2, 1/4 and 1/8 of one.
  const double expected = std::pow(2.0 / 7 * (0.5 / 6) * (0.25 / 5) * (0.125 / 4), 0.25);
  CHECK(bleu(in_words(example, mteval_words)) == doctest::Approx(expected).epsilon(metric_tolerance));
}

TEST_CASE("the brevity penalty takes the closest reference, the shorter of two as close") {
  const auto words = [](std::size_t n) { return Words(n, "a"); };
  CHECK(bleu(std::vector<GeneratedWords>{{words(6), {words(8), words(30), words(4)}}}) == doctest::Approx(1.0));
  CHECK(bleu(std::vector<GeneratedWords>{{words(6), {words(8), words(30)}}}) ==
        doctest::Approx(std::exp(1 - 8.0 / 6)).epsilon(metric_tolerance));
}

TEST_CASE("scores of a copy of the reference are the largest there are") {
  const std::vector<Generated> copies{{"a red fox runs far away", {"a red fox runs far away"}},
                                      {"the blue bird sings at night", {"the blue bird sings at night"}}};
  const auto scores = score_generated(copies);
  CHECK(scores.bleu == doctest::Approx(1.0));
  CHECK(scores.rouge_l == doctest::Approx(1.0));
  CHECK(scores.cider == doctest::Approx(10.0));
  CHECK(scores.nist == doctest::Approx(std::log2(12.0)));  // each word occurs once, and says what follows it
}

TEST_CASE("scores of nothing are 0, and one sentence alone has no CIDEr") {
  const std::vector<Generated> nothing{{"", {"a red fox runs"}}, {"  ", {"the blue bird"}}};
  const auto scores = score_generated(nothing);
  CHECK(scores.bleu == 0.0);
  CHECK(scores.nist == 0.0);
  CHECK(scores.rouge_l == 0.0);
  CHECK(scores.cider == 0.0);
  CHECK(score_generated(std::vector<Generated>{{"a fox", {"a fox"}}}).cider == 0.0);
  CHECK(score_generated(std::vector<Generated>{{"a fox", {"a fox"}}}).bleu == 0.0);  // not four words
}

TEST_CASE("references and texts without words leave every score finite") {
  const std::vector<Generated> odd{{"...", {"", "!"}}, {"a b c d e", {"", "a b c d e"}}, {"", {""}}};
  const auto scores = score_generated(odd);
  for (const double score : {scores.bleu, scores.nist, scores.rouge_l, scores.cider}) CHECK(std::isfinite(score));
}

TEST_CASE("scores refuse a corpus that is empty or lacks a reference, and endless sentences") {
  CHECK(contains(error_of([] { return bleu({}); }), "BLEU: there are no sentences"));
  CHECK(contains(error_of([] { return score_generated({}); }), "there are no sentences"));
  for (const auto score : {bleu, nist, rouge_l, cider})
    CHECK(contains(error_of([&] {
                     return score(std::vector<GeneratedWords>{{{"a"}, {{"a"}}}, {{"a"}, {}}});
                   }),
                   "sentence 1 has no reference"));
  std::string endless;
  for (int i = 0; i < 10'001; ++i) endless += "a ";
  CHECK(contains(error_of([&] {
                   return score_generated(std::vector<Generated>{{"a", {endless}}});
                 }),
                 "has 10001 words, expected at most 10000"));
}

TEST_CASE("bytes that are no UTF-8 and signs at either end are cut without harm") {
  for (const char* text :
       {"\xFF\xC3", "\xE2\x80", "'", "-", "+", "<", "</", "#", "@", ".", "n't", "'s", "'", "$", "us$"}) {
    CAPTURE(text);
    (void)mteval_words(text);
    (void)caption_words(text);
  }
  CHECK(caption_words("n't 's") == Words{"n't", "'s"});
}

}  // namespace
}  // namespace finetune::test
