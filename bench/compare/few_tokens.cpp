// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <memory>

#include "dense.hpp"
#include "layer.hpp"
#include "table.hpp"
#include "tables.hpp"

namespace compare {

namespace {

const std::string ours_forward = "forward, ", served = "SparseMatrix, ";

std::string tokens_text(index_t tokens) { return std::to_string(tokens) + (tokens == 1 ? " token" : " tokens"); }

nlohmann::ordered_json measure_few_tokens(pst::Shape shape, Run& run) {
  const EigenMatrix weight = make_weight(shape);
  const auto layer = exact_layer(weight, run.options.sparsity, run.options.threads);
  const auto serve = sparse_matrix(weight, run.options.sparsity, run.options.threads);
  std::deque<Activations> activations;  // neither moves what it holds
  std::deque<Dense> dense;
  std::vector<Column> columns;
  for (const index_t tokens : bench::few_tokens) {
    Activations& at = activations.emplace_back(shape, tokens);
    dense.emplace_back(run.libraries, weight, at).add_forward(columns, dense_forward + ", " + tokens_text(tokens));
    columns.push_back({ours_forward + tokens_text(tokens), "pst", [&layer, &at] { layer->forward(at); }});
    columns.push_back({served + tokens_text(tokens), "pst", [&serve, &at] { serve(at); }});
  }
  const std::vector<Timing> timings = in_rounds(columns, run.options.rounds, run.progress);

  Table table{{name_of(shape) + ", forward", "dense ms", "by", "layer ms", "quartiles", "of dense", "SparseMatrix ms",
               "quartiles", "of dense"}};
  for (const index_t tokens : bench::few_tokens) {
    const Timing& theirs = fastest(timings, dense_forward + ", " + tokens_text(tokens));
    const Timing& ours = fastest(timings, ours_forward + tokens_text(tokens));
    const Timing& serving = fastest(timings, served + tokens_text(tokens));
    table.add({tokens_text(tokens), median_of(theirs), theirs.variant, median_of(ours), quartiles_of(ours),
               ratio_text(ratio(ours, theirs)), median_of(serving), quartiles_of(serving),
               ratio_text(ratio(serving, theirs))});
  }
  run.out << table << '\n';
  return {{"out", shape.out}, {"in", shape.in}, {"timings", to_json(timings)}};
}

}  // namespace

Part few_tokens(pst::Shape shape, const Options& options) {
  // Short work is repeated, so that a visit takes as long as that of more tokens.
  return {"few tokens through " + name_of(shape), work_of(shape, 512, 8, options),
          [=](Run& run) { return measure_few_tokens(shape, run); }};
}

}  // namespace compare
