// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/training_step.hpp"

#include <pst/core/error.hpp>
#include <pst/core/random.hpp>
#include <pst/core/rounded_product.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "finetune/methods/methods.hpp"
#include "finetune/model/module_patterns.hpp"

namespace finetune {

namespace {

/// Another one for each batch of each step, and never 0, which drops nothing.
std::uint64_t dropout_seed(std::uint64_t seed, std::int64_t step, std::size_t batch) {
  const std::uint64_t of_step = pst::mix_bits(pst::derive_seed(seed, 'O') + static_cast<std::uint64_t>(step));
  return std::max<std::uint64_t>(1, pst::mix_bits(of_step + batch));
}

bool is_finite(pst::MatrixView<float> view) { return transformer::map(view).allFinite(); }

}  // namespace

StepOutcome TrainingStep::operator()(std::int64_t step) {
  try {
    const StepOutcome outcome = learn(step);
    optimizer_.step(rate_scale(settings_, step, order_.steps()), kept_scale(settings_, step, order_.steps()));
    return outcome;
  } catch (const pst::Error& error) {
    pst::fail("step ", step + 1, " of ", order_.steps(), ": ", error.what());
  }
}

bool TrainingStep::rest_if_due(std::int64_t step) {
  const std::int64_t steps = order_.steps();
  if (has_rested_ || model_.trains_kept() || step == steps || step < rest_step(settings_, steps)) return false;
  has_rested_ = true;
  if (has_gates(settings_.method))
    model_.train_changes(settings_.method.kept_share);
  else
    model_.train_kept(1.0);  // where masks move at every K-th step alone, they move to the last sparsity here
  follow_model();
  return model_.trains_kept();
}

StepOutcome TrainingStep::learn(std::int64_t step) {
  std::vector<SequenceBatch> batches;
  double labels = 0;
  for (const auto& which : order_.batches_of(step)) {
    batches.emplace_back(sequences_, which);
    labels += static_cast<double>(batches.back().counted());
  }
  pst::require(labels > 0, "no label of its sequences counts");
  StepOutcome outcome;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const Batch batch = batches[b].batch();
    const double share = static_cast<double>(batches[b].counted()) / labels;
    outcome.loss += share * model_.learn(batch, batches[b].targets(settings_.smoothing, settings_.distillation),
                                         {.dropout_seed = dropout_seed(settings_.seed, step, b), .share = share});
    for (const index_t length : batch.lengths) outcome.tokens += length;
  }
  if (!std::isfinite(outcome.loss)) refuse_non_finite(outcome.loss);
  return outcome;
}

void TrainingStep::refuse_non_finite(double loss) const {
  constexpr const char* advice = ", expected finite numbers: lower the rate";
  for (const ModelParameter& each : model_.parameters()) {
    pst::require(is_finite(each.parameter.value), each.name, " holds NaN or Inf", advice);
    pst::require(is_finite(each.parameter.grad), "the gradient of ", each.name, " holds NaN or Inf", advice);
  }
  pst::fail("the loss is ", loss, advice);
}

bool prunes(const MethodSettings& method) {
  const MethodInfo& info = method_named(method.name);
  return info.is_sparse && info.has_target && method.sparsity > 0 && !method.keep_mask;
}

std::int64_t last_dense_step(const MethodSettings& method, std::int64_t steps) {
  if (!prunes(method) || !pst::uses_option(layer_spec(method, 0), "warmup") || method.schedule == "constant") return 0;
  return static_cast<std::int64_t>(pst::rounded_product(method.warmup, static_cast<double>(steps)));
}

bool has_gates(const MethodSettings& method) { return method_named(method.name).layers == "diff"; }

std::int64_t rest_step(const Settings& settings, std::int64_t steps) {
  const MethodSettings& method = settings.method;
  if (has_gates(method))
    return static_cast<std::int64_t>(std::ceil(method.gated_part * static_cast<double>(steps) - 1e-9));
  const bool has_rest = method.rest == "kept" && method.schedule != "linear" &&  // which rises to the last step
                        pst::uses_option(layer_spec(method, settings.seed), "cooldown");
  if (!has_rest || method.sparsity == 0) return steps;
  return static_cast<std::int64_t>(std::ceil((1 - method.cooldown) * static_cast<double>(steps) - 1e-9));
}

double kept_scale(const Settings& settings, std::int64_t step, std::int64_t steps) {
  const std::int64_t rest = rest_step(settings, steps);
  Settings own = settings;  // steps of warm-up are as large a share of those that are left
  if (own.warmup_steps > 0) {
    own.rate_warmup = static_cast<double>(own.warmup_steps) / static_cast<double>(steps);
    own.warmup_steps = 0;
  }
  return rate_scale(own, step - rest, steps - rest);
}

double reached_sparsity(Model& model, const MethodSettings& method) {
  const ModulePatterns chosen{method.modules, method.exclude, model.config().blocks};
  index_t kept = 0, all = 0;
  model.for_each_layer([&](Layer& layer) {
    if (!chosen.matches(layer.name)) return;
    kept += layer.layer.kept();
    all += layer.layer.shape().size();
  });
  return all == 0 ? 0 : 1.0 - static_cast<double>(kept) / static_cast<double>(all);  // --modules may name norms alone
}

bool is_sparse_enough(const MethodSettings& method, double sparsity) {
  constexpr double rounding = 0.0005;
  return !prunes(method) || sparsity >= method.sparsity - rounding;
}

}  // namespace finetune
