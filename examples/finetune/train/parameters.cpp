// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/parameters.hpp"

#include <pst/core/error.hpp>
#include <pst/core/radix_select.hpp>

#include <algorithm>
#include <span>
#include <utility>

#include "finetune/methods/methods.hpp"
#include "finetune/model/module_patterns.hpp"
#include "finetune/model/names.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

bool is_head(Part part) { return part == Part::pooler || part == Part::head; }

const char* kind_of(const ModelParameter& each) {
  if (each.part == Part::embedding) return "embeddings";
  if (each.part == Part::norm) return "norms";
  if (each.part == Part::branch) return "adapters";
  if (each.part == Part::tokens) return "virtual tokens";
  if (each.part == Part::shared) return "the vector of all weights";
  if (is_head(each.part)) return each.part == Part::head ? "head" : "pooler";
  if (each.name.ends_with(".delta.w") || each.name.ends_with(".delta.kept")) return "changes of weights";
  if (each.name.ends_with(".delta.gate")) return "gates";
  switch (each.parameter.group) {
    case pst::ParameterGroup::delta: return "factors of the update";
    case pst::ParameterGroup::score: return "scores";
    case pst::ParameterGroup::bias: return "biases";
    default: return "weights";
  }
}

constexpr const char* kept_group = "kept";  ///< has a step count of its own
bool is_kept(const ModelParameter& each) {
  return each.part == Part::layer && (each.name.ends_with(".weight.kept") || each.name.ends_with(".delta.kept"));
}

/// Of what an optimizer remembers, the part on some of its parameters.
pst::TensorList moments_of(std::span<const pst::Parameter<float>> parameters, pst::TensorList all) {
  std::erase_if(all, [&](const pst::Tensor& tensor) {
    return tensor.name != "steps" && std::ranges::none_of(parameters, [&](const pst::Parameter<float>& each) {
             return tensor.name == "moments." + std::string{each.name};
           });
  });
  return all;
}

/// The weights that are not pruned once the last sparsity is reached, or the changes that go on.
index_t kept_at_rest(Model& model, const Settings& settings) {
  const ModulePatterns chosen{settings.method.modules, settings.method.exclude, model.config().blocks};
  index_t kept = 0, all = 0;
  model.for_each_layer([&](Layer& layer) {
    const index_t size = layer.layer.shape().size();
    if (!chosen.matches(layer.name)) return;
    kept += size - static_cast<index_t>(settings.method.sparsity * static_cast<double>(size));
    all += size;
  });
  return has_gates(settings.method) ? pst::share_of(all, settings.method.kept_share) : kept;
}

}  // namespace

std::function<bool(const ModelParameter&)> trained_parameters(const Settings& settings, const ModelConfig& config) {
  if (settings.reference)
    return [](const ModelParameter& each) {
      return each.part == Part::layer && each.parameter.group != pst::ParameterGroup::bias;
    };
  const Beside beside = beside_of(settings.method);
  const ModulePatterns chosen{settings.method.modules, settings.method.exclude, config.blocks};
  const bool embeddings = settings.train_embeddings;
  return [=](const ModelParameter& each) {
    if (each.part == Part::embedding) return embeddings;
    if (each.part != Part::norm) return true;  // a layer shows what the method trains in it, and no more
    const bool is_bias = each.parameter.group == pst::ParameterGroup::bias;
    return (beside.norms || (beside.biases && is_bias)) && chosen.matches(each.name.substr(0, each.name.rfind('.')));
  };
}

index_t lowest_trained_block(const Model& model, const Settings& settings) {
  const auto trains = trained_parameters(settings, model.config());
  const Architecture architecture = model.config().architecture;
  const std::string last_norm =
      std::string{prefix_of(architecture)} + std::string{encoder_names(architecture).last_norm} + '.';
  index_t lowest = model.config().blocks;
  for (const ModelParameter& each : model.parameters()) {
    if (!trains(each) || is_head(each.part) || each.name.starts_with(last_norm)) continue;
    lowest = std::min(lowest, block_of(architecture, each.name).value_or(0));
  }
  return lowest;
}

Optimizer::Optimizer(const Model& model, const Settings& settings) { follow(model, settings); }

void Optimizer::follow(const Model& model, const Settings& settings) {
  std::map<std::string, Group> groups;
  const auto trains = trained_parameters(settings, model.config());
  for (const ModelParameter& each : model.parameters()) {
    if (!trains(each)) continue;
    const bool is_scale = (each.part == Part::branch && each.name.ends_with(".scale")) ||  // of (IA)3: one is its rest
                          each.name.ends_with(".delta.m") ||                               // and W0's norms DoRA's
                          each.name.ends_with(".delta.gate");  // and gates have a penalty of their own
    const bool decays = each.part != Part::norm && each.parameter.group != pst::ParameterGroup::bias && !is_scale;
    const bool is_token = each.part == Part::tokens;
    const std::string name = is_kept(each) ? kept_group
                                           : std::string{is_head(each.part) ? "head"
                                                         : is_token         ? "tokens"
                                                                            : "encoder"} +
                                                 (decays ? "" : "-plain");
    const double rate = settings.rate * (is_head(each.part) ? settings.head_rate
                                         : is_token         ? settings.token_rate
                                                            : 1.0);
    const auto [group, is_new] =
        groups.try_emplace(name, Group{pst::AdamW<float>{{.learning_rate = rate,
                                                          .epsilon = settings.epsilon,
                                                          .weight_decay = decays ? settings.weight_decay : 0.0,
                                                          .group_rates = {.score = settings.score_rate}}},
                                       {}});
    group->second.parameters.push_back(each.parameter);
  }
  pst::require(!groups.empty(), "nothing of the model trains");
  for (auto& [name, group] : groups)
    if (const auto before = groups_.find(name); before != groups_.end())
      group.adamw.restore(moments_of(group.parameters, before->second.adamw.save()));
  groups_ = std::move(groups);
}

void Optimizer::step(double rate_scale, double kept_scale) {
  for (auto& [name, group] : groups_) group.adamw.step(group.parameters, name == kept_group ? kept_scale : rate_scale);
}

void Optimizer::check(Model& model, const Settings& settings) const {
  std::map<const float*, std::string_view> moved;
  for (const auto& [name, group] : groups_)
    for (const auto& parameter : group.parameters) moved[parameter.value.data] = parameter.name;
  std::string missing, extra;
  const auto add = [](std::string& list, std::string_view name) { list.append(list.empty() ? "" : ", ").append(name); };
  const auto trains = trained_parameters(settings, model.config());
  for (const ModelParameter& each : model.current_parameters())
    if (trains(each) && moved.erase(each.parameter.value.data) == 0) add(missing, each.name);
  for (const auto& [place, name] : moved) add(extra, name);
  pst::require(missing.empty() && extra.empty(),
               "what trains is not what the optimizer moves: ", missing.empty() ? "nothing" : missing,
               " is missing there, and ", extra.empty() ? "nothing" : extra,
               " is there that does not train, expected the same parameters");
}

index_t Optimizer::trainable() const noexcept {
  index_t count = 0;
  for (const auto& [name, group] : groups_)
    for (const auto& parameter : group.parameters) count += parameter.value.size();
  return count;
}

std::size_t Optimizer::bytes() const noexcept {
  return static_cast<std::size_t>(trainable()) * 2 * sizeof(float);  // before the first step there are none yet
}

std::map<std::string, pst::TensorList> Optimizer::save() const {
  std::map<std::string, pst::TensorList> state;
  for (const auto& [name, group] : groups_) state[name] = group.adamw.save();
  return state;
}

void Optimizer::restore(const std::map<std::string, pst::TensorList>& state) {
  for (auto& [name, group] : groups_) {
    const auto found = state.find(name);
    pst::require(found != state.end(), "the saved optimizer has no parameters \"", name, '"');
    group.adamw.restore(found->second);
  }
}

double rate_scale(const Settings& settings, std::int64_t step, std::int64_t steps) {
  const auto at = static_cast<double>(step), end = static_cast<double>(steps);
  const double warm =
      settings.warmup_steps > 0 ? static_cast<double>(settings.warmup_steps) : settings.rate_warmup * end;
  if (at < warm) return at / std::max(1.0, warm);
  if (settings.rate_schedule == "constant") return 1.0;
  return std::max(0.0, (end - at) / std::max(1.0, end - warm));
}

ParameterCounts count_parameters(Model& model, const Settings& settings) {
  ParameterCounts counts;
  model.for_each_tensor([&](const TensorPlace&, const Matrix& value, const Layer* layer) {
    counts.model += value.size();
    if (layer != nullptr) counts.prunable += value.size();
  });
  const auto trains = trained_parameters(settings, model.config());
  index_t replaced = 0;
  for (const ModelParameter& each : model.parameters()) {
    if (!trains(each)) continue;
    const index_t size = each.parameter.value.size();
    counts.trainable += size;
    if (each.part == Part::layer && each.parameter.group != pst::ParameterGroup::bias) replaced += size;
    const std::string kind = kind_of(each);
    const auto found = std::ranges::find(counts.parts, kind, &std::pair<std::string, index_t>::first);
    if (found == counts.parts.end())
      counts.parts.emplace_back(kind, size);
    else
      found->second += size;
  }
  if (rest_step(settings, 1000) < 1000) counts.at_rest = counts.trainable - replaced + kept_at_rest(model, settings);
  return counts;
}

}  // namespace finetune
