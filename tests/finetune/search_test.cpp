// SPDX-License-Identifier: Apache-2.0
#include "finetune/search/search.hpp"

#include <pst/core/error.hpp>

#include <cmath>
#include <csignal>
#include <sstream>

#include "finetune/search/search_report.hpp"
#include "finetune/train/interrupt.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

namespace {

Candidate candidate(double sparsity, std::optional<double> score) {
  Candidate made;
  made.run = run_folder("out", sparsity);
  made.sparsity = sparsity;
  made.standing = {.metric = "matthews", .score = score, .error = 0.03, .baseline = Baseline{"always", 0.0}};
  made.bytes = static_cast<std::uintmax_t>(90e6 * (1 - sparsity / 2));
  made.milliseconds = 4 * (1 - sparsity / 2);
  return made;
}

SearchResult chosen_from(std::vector<Candidate> candidates, double lose_at_most = 2) {
  SearchResult result;
  result.metric = "matthews";
  result.lose_at_most = lose_at_most;
  result.candidates = std::move(candidates);
  choose(result);
  return result;
}

SearchPlan plan_of(const Job& job, std::vector<double> sparsities) {
  SearchPlan plan;
  plan.settings = job.settings;
  plan.settings.method.name = "magnitude";
  plan.settings.steps = 150;
  plan.settings.evaluate_every = 50;
  plan.settings.rate = 1e-3;
  plan.dense_rate = 1e-3;
  plan.sparsities = std::move(sparsities);
  plan.lose_at_most = 100;
  plan.out = job.out("search");
  return plan;
}

std::string bytes_of(const fs::path& run) { return common::read_file(snapshot_file(run, Checkpoint::last)); }

}  // namespace

TEST_CASE("the sparsest candidate within the limit is chosen, whatever lies between") {
  const Candidate dense = candidate(0, 0.25);
  const SearchResult found = chosen_from({dense, candidate(0.5, 0.24), candidate(0.7, 0.20), candidate(0.8, 0.23)});
  REQUIRE(found.chosen);
  CHECK(*found.chosen == 3);
  CHECK(found.verdict ==
        "80 % is the sparsest that was tried within 2.0 points of dense: matthews 0.2300 (standard error 0.0300), "
        "always 0.0000, 54 MB of 90, 2.4 ms a sequence of 4");
  CHECK(points_lost(dense, found.candidates[2]) == doctest::Approx(5));
  CHECK(std::isnan(points_lost(dense, candidate(0.5, std::nullopt))));
  CHECK(chosen_from({dense, candidate(0.5, 0.30)}).chosen == std::size_t{1});  // better than dense
}

TEST_CASE("where none is good enough the verdict says which is nearest, and what to try") {
  const SearchResult none = chosen_from({candidate(0, 0.25), candidate(0.5, 0.20), candidate(0.9, 0.0)});
  CHECK(!none.chosen);
  CHECK(none.verdict ==
        "no sparsity that was tried stays within 2.0 points of dense: the nearest is 50 % with matthews 0.2000 "
        "(standard error 0.0300), always 0.0000, 5.0 points below; try --sparsity 0.25, more --epochs, or "
        "--lose-at-most 5");
  const SearchResult nothing = chosen_from({candidate(0, 0.04), candidate(0.5, 0.04)}, 50);
  CHECK(!nothing.chosen);  // a model that knows nothing is not good, however little it loses
  CHECK(nothing.verdict.starts_with("the dense model has learnt nothing: matthews 0.0400"));
}

TEST_CASE("a search is shown as a table with bars, as a picture, and as JSON") {
  const SearchResult found = chosen_from({candidate(0, 0.25), candidate(0.5, 0.24), candidate(0.9, std::nullopt)});
  std::ostringstream out;
  print_search(out, found);
  for (const char* part : {"| sparsity | matthews |", "| dense | 0.2500 | 0.0300 | 0.0 | 90.00 | 4.000 | out/dense |",
                           "| 50 % | 0.2400 | 0.0300 | 1.0 | 67.50 | 3.000 | out/sparsity-0.5 |",
                           "| 90 % | undefined (nothing) |", "50 %   0.2400  ######", "<-- the sparsest"})
    CHECK(out.str().find(part) != std::string::npos);
  const std::string picture = draw_search("pst on cola", found);
  for (const char* part : {"<svg", "pst on cola", "matthews", "Size of the model", "Time of a sequence", "</svg>"})
    CHECK(picture.find(part) != std::string::npos);
  CHECK(picture.find("nan") == std::string::npos);
  const auto json = nlohmann::json::parse(search_text(found));
  CHECK(json["chosen"] == 0.5);
  CHECK(json["candidates"].size() == 3);
  CHECK(json["candidates"][2]["score"].is_null());
  CHECK(json["verdict"] == found.verdict);
}

TEST_CASE("a search trains a dense model and each sparsity once, and chooses among them") {
  const Job job;
  SearchPlan plan = plan_of(job, {0.8, 0.5, 0.5});
  const SearchResult found = search(plan);
  REQUIRE(found.candidates.size() == 3);
  CHECK(inside(plan.out) ==
        std::vector<fs::path>{"dense", "search.json", "search.svg", "sparsity-0.5", "sparsity-0.8"});
  for (std::size_t i = 0; i < 3; ++i) {
    const Candidate& each = found.candidates[i];
    CHECK(each.sparsity == std::vector{0.0, 0.5, 0.8}[i]);
    REQUIRE(each.standing.score);
    const auto json = nlohmann::json::parse(common::read_file(each.run / "result.json"));
    CHECK(json["best"].get<double>() == doctest::Approx(*each.standing.score));
    if (i > 0) CHECK(json["dense"].get<double>() == doctest::Approx(*found.candidates[0].standing.score));
    CHECK(each.milliseconds > 0);
  }
  CHECK(found.candidates[2].bytes < found.candidates[1].bytes);
  CHECK(found.candidates[1].bytes < found.candidates[0].bytes);
  CHECK(read_settings(plan.out / "dense").method.name == "full");
  REQUIRE(found.chosen);

  const std::string before = bytes_of(plan.out / "sparsity-0.5");
  plan.sparsities = {0.5, 0.6, 0.8};  // what is finished is kept
  CHECK(search(plan).candidates.size() == 4);
  CHECK(bytes_of(plan.out / "sparsity-0.5") == before);

  SearchPlan other = plan;
  other.dense = plan.out / "dense";
  other.out = job.out("other");
  other.sparsities = {0.5};
  CHECK(search(other).candidates.front().run == plan.out / "dense");
  CHECK(!fs::exists(other.out / "dense"));
  CHECK(bytes_of(other.out / "sparsity-0.5") == before);
}

TEST_CASE("a search that was interrupted goes on, to the same bytes") {
  const Job job;
  SearchPlan plan = plan_of(job, {0.5});
  static_cast<void>(search(plan));
  const std::string whole = bytes_of(plan.out / "sparsity-0.5");
  plan.out = job.out("part");
  {
    Settings settings = plan.settings;
    settings.method.sparsity = 0.5;
    const RunFolder folder{run_folder(plan.out, 0.5), settings};
    BaseModel base = load_base(settings);
    const TrainingData read = load_training_data(settings, base);
    Trainer trainer{settings, base, read, folder, {}};
    std::raise(SIGINT);
    CHECK_THROWS_AS(static_cast<void>(trainer.run()), Interrupted);
  }
  common::write_file(plan.out / "search.json", "{}");
  static_cast<void>(search(plan));
  CHECK(bytes_of(plan.out / "sparsity-0.5") == whole);
}

TEST_CASE("where the dense model has learnt nothing, no other is trained") {
  const Job job;
  SearchPlan plan = plan_of(job, {0.5});
  plan.settings.steps = 1;
  const SearchResult found = search(plan);
  CHECK(found.candidates.size() == 1);
  CHECK(!found.chosen);
  CHECK(!fs::exists(plan.out / "sparsity-0.5"));
  CHECK(found.verdict.starts_with("the dense model has learnt nothing: accuracy "));
}

TEST_CASE("a plan that cannot be searched is refused before anything is made") {
  const Job job;
  const auto error = [&](auto change) {
    SearchPlan plan = plan_of(job, {0.5});
    change(plan);
    return error_of([&] { static_cast<void>(search(plan)); });
  };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(has(error([](SearchPlan& plan) { plan.sparsities = {}; }), "there is no sparsity to try"));
  CHECK(has(error([](SearchPlan& plan) { plan.sparsities = {0.5, 0}; }), "expected numbers above 0"));
  CHECK(has(error([](SearchPlan& plan) { plan.sparsities = {1}; }), "the sparsity is 1, expected"));
  CHECK(has(error([](SearchPlan& plan) { plan.settings.method.name = "full"; }), "which prunes no weight"));
  CHECK(has(error([](SearchPlan& plan) { plan.lose_at_most = -1; }), "the points to lose are -1"));
  CHECK(has(error([&](SearchPlan& plan) { plan.out = job.path(); }), ": holds other files than those of a search"));
  CHECK(!fs::exists(job.out("search")));
}
