// SPDX-License-Identifier: Apache-2.0
#include "finetune/search/search_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "common/plot.hpp"
#include "finetune/evaluate/shown_metric.hpp"

namespace finetune {

namespace {

template <class... Numbers>
std::string written(const char* format, Numbers... numbers) {
  std::array<char, 160> made{};
  std::snprintf(made.data(), made.size(), format, numbers...);
  return made.data();
}

std::string candidate_name(const Candidate& candidate) {
  return candidate.sparsity > 0 ? written("%g %%", 100 * candidate.sparsity) : "dense";
}

double megabytes(const Candidate& candidate) { return static_cast<double>(candidate.bytes) / 1e6; }

nlohmann::ordered_json finite_or_null(std::optional<double> number) {
  return number && std::isfinite(*number) ? nlohmann::ordered_json(*number) : nullptr;
}

/// A line for each score, as long as the score is high beside the highest one.
void print_bars(std::ostream& out, const SearchResult& result) {
  constexpr double width = 50;
  const ShownMetric metric = shown(result.metric);
  double most = 0;
  for (const Candidate& each : result.candidates) most = std::max(most, std::abs(each.standing.score.value_or(0)));
  out << metric.name << '\n';
  for (const Candidate& each : result.candidates) {
    const double score = metric.sign * each.standing.score.value_or(0);
    const auto marks = static_cast<std::size_t>(most > 0 ? std::lround(width * std::max(0.0, score) / most) : 0);
    out << written("%8s  %7.4f  ", candidate_name(each).c_str(), score) << std::string(marks, '#')
        << (result.chosen && &each == &result.candidates[*result.chosen] ? "  <-- the sparsest within the limit" : "")
        << '\n';
  }
}

}  // namespace

void print_search(std::ostream& out, const SearchResult& result) {
  const ShownMetric metric = shown(result.metric);
  out << "| sparsity | " << metric.name << " | standard error | points lost | MB | ms per sequence | run |\n"
      << "|---:|---:|---:|---:|---:|---:|---|\n";
  for (const Candidate& each : result.candidates) {
    const Standing& standing = each.standing;
    out << "| " << candidate_name(each) << " | "
        << (standing.score ? written("%.4f", metric.sign * *standing.score) : "undefined")
        << (has_learnt(standing) ? "" : " (nothing)") << " | "
        << (standing.error ? written("%.4f", *standing.error) : "none")
        << written(" | %.1f | %.2f | %.3f | ", points_lost(result.candidates.front(), each), megabytes(each),
                   each.milliseconds)
        << each.run.string() << " |\n";
  }
  print_bars(out, result);
}

std::string draw_search(const std::string& title, const SearchResult& result) {
  const ShownMetric metric = shown(result.metric);
  common::Curve score{metric.name, {}}, limit{"limit", {}}, size{"MB", {}}, time{"ms", {}};
  for (const Candidate& each : result.candidates) {
    const double x = 100 * each.sparsity;
    if (each.standing.score) score.points.push_back({x, metric.sign * *each.standing.score});
    size.points.push_back({x, megabytes(each)});
    time.points.push_back({x, each.milliseconds});
  }
  const std::optional<double> dense =
      result.candidates.empty() ? std::nullopt : result.candidates.front().standing.score;
  if (dense)
    for (const double x : {0.0, 100.0}) limit.points.push_back({x, metric.sign * (*dense - result.lose_at_most / 100)});
  const std::vector<common::Plot> plots{{"Score on the dev data: " + metric.name, {score, limit}},
                                        {"Size of the model, MB", {size}, common::Axis::from_zero},
                                        {"Time of a sequence on one thread, ms", {time}, common::Axis::from_zero}};
  return common::draw_plots(title, plots, 100, "sparsity of the linear layers in the blocks, %");
}

std::string search_text(const SearchResult& result) {
  nlohmann::ordered_json json{{"format", "pst-finetune search 1"},
                              {"metric", result.metric},
                              {"lose_at_most", result.lose_at_most},
                              {"candidates", nlohmann::ordered_json::array()},
                              {"chosen", nullptr},
                              {"verdict", result.verdict}};
  for (const Candidate& each : result.candidates)
    json["candidates"].push_back({{"run", each.run.string()},
                                  {"sparsity", each.sparsity},
                                  {"score", finite_or_null(each.standing.score)},
                                  {"standard_error", finite_or_null(each.standing.error)},
                                  {"points_lost", finite_or_null(points_lost(result.candidates.front(), each))},
                                  {"learnt", has_learnt(each.standing)},
                                  {"bytes", each.bytes},
                                  {"milliseconds", each.milliseconds}});
  if (result.chosen) json["chosen"] = result.candidates[*result.chosen].sparsity;
  return json.dump(1) + '\n';
}

}  // namespace finetune
