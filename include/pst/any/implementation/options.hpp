// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "pst/any/implementation/composition.hpp"
#include "pst/any/number_text.hpp"
#include "pst/any/policies/read_choices.hpp"

/// The options of LinearSpec: where each is stored, what it may be, and what uses it.
namespace pst::PST_ABI::detail {

/// One option. Numbers lie between `least` and `most`; `read` throws on a word that is not allowed.
struct OptionField {
  using Member = std::variant<std::string LinearSpec::*, double LinearSpec::*, index_t LinearSpec::*, int LinearSpec::*,
                              std::uint64_t LinearSpec::*>;
  LinearOption shown;
  Member member;
  bool (*is_used)(const Composition&) = [](const Composition&) { return true; };
  double least = 0, most = 0;
  void (*read)(const std::string& word) = [](const std::string&) {};
};

namespace option_uses {
inline constexpr auto prunes = [](const Composition& c) { return c.prunes; };
inline constexpr auto ranks = [](const Composition& c) { return c.ranks(); };
inline constexpr auto selects = [](const Composition& c) { return !c.has_threshold(); };
inline constexpr auto scores_learn = [](const Composition& c) { return c.scores_learn(); };
inline constexpr auto update = [](const Composition& c) { return c.updates_by_product(); };
inline constexpr auto product = [](const Composition& c) { return c.low_rank; };
inline constexpr auto magnitude = [](const Composition& c) {
  return c.prunes && c.magnitude && c.delta != Composition::Delta::gated;
};
inline constexpr auto structure = [](const Composition& c) { return c.row_column; };
inline constexpr auto movement = [](const Composition& c) { return c.movement; };
inline constexpr auto soft_movement = [](const Composition& c) { return c.soft_movement; };
inline constexpr auto masking = [](const Composition& c) { return c.masking; };
inline constexpr auto weight_learns = [](const Composition& c) { return c.prunes && !c.masking; };
inline constexpr auto gates = [](const Composition& c) { return c.delta == Composition::Delta::gated; };
inline constexpr auto reads_weight = [](const Composition& c) {
  return c.delta != Composition::Delta::full && c.delta != Composition::Delta::gated;
};
}  // namespace option_uses

inline constexpr double largest_scale = 1e30;
inline constexpr double largest_start = 1e6;  // as Movement has it
inline constexpr double below_one = 0.9999999999999999;

inline constexpr auto read_sum = [](const std::string& word) {
  Composition made;
  if (!word.empty()) read_importance(word, made);
};
inline constexpr auto read_update = [](const std::string& word) {
  if (!word.empty()) static_cast<void>(read_delta(word));
};
inline constexpr auto read_schedule = [](const std::string& word) {
  static_cast<void>(schedule_choice(LinearSpec{.schedule = word}));
};
inline constexpr auto read_selector = [](const std::string& word) { static_cast<void>(selector_choice(word)); };
inline constexpr auto read_refresh = [](const std::string& word) { static_cast<void>(refresh_choice(word)); };
inline constexpr auto read_scores = [](const std::string& word) { static_cast<void>(score_gradient_choice(word)); };
inline constexpr auto read_start = [](const std::string& word) { static_cast<void>(start_choice(word)); };
inline constexpr auto read_rule = [](const std::string& word) { static_cast<void>(straight_through_choice(word)); };
inline constexpr auto read_weighted_by = [](const std::string& word) {
  require(word == "nothing" || word == "inputs" || word == "both", "weighted_by is \"", word,
          "\", expected nothing, inputs or both");
};
inline constexpr auto read_bias = [](const std::string& word) {
  require(word == "frozen" || word == "trained", "bias is \"", word, "\", expected frozen or trained");
};
inline constexpr auto read_storage = [](const std::string& word) {
  require(word == "scalar" || word == "bf16" || word == "f16", "storage is \"", word,
          "\", expected scalar, bf16 or f16");
};
inline constexpr auto always = [](const Composition&) { return true; };

/// Every option, in the order in which it is printed.
inline constexpr std::array option_table{
    OptionField{{"name", "name of the layer", "any text"}, &LinearSpec::name},
    OptionField{{"importance", "metrics whose sum ranks the weights", "a sum as magnitude+low-rank"},
                &LinearSpec::importance,
                always,
                0,
                0,
                read_sum},
    OptionField{{"weighted_by", "what abs(W) counts by in the sum: inputs, or inputs and gradients of outputs",
                 "nothing, inputs, both"},
                &LinearSpec::weighted_by,
                option_uses::magnitude,
                0,
                0,
                read_weighted_by},
    OptionField{{"delta", "how the weight changes", "low-rank, dora, full, gated, frozen"},
                &LinearSpec::delta,
                always,
                0,
                0,
                read_update},
    OptionField{{"delta_rank", "rank of U V", "1 to 4096"}, &LinearSpec::delta_rank, option_uses::update, 1, 4096},
    OptionField{{"delta_energy", "the rank of U V holds this fraction of the weight's energy", "0 (off) to 1"},
                &LinearSpec::delta_energy,
                option_uses::update,
                0,
                1},
    OptionField{{"beta", "scale of U V", "-1e30 to 1e30"},
                &LinearSpec::beta,
                option_uses::update,
                -largest_scale,
                largest_scale},
    OptionField{{"score_rank", "rank of A B", "1 to 4096"}, &LinearSpec::score_rank, option_uses::product, 1, 4096},
    OptionField{{"score_energy", "the rank of A B holds this fraction of the weight's energy", "0 (off) to 1"},
                &LinearSpec::score_energy,
                option_uses::product,
                0,
                1},
    OptionField{{"alpha1", "scale of A B", "0 to 1e30"}, &LinearSpec::alpha1, option_uses::product, 0, largest_scale},
    OptionField{
        {"alpha2", "scale of R + C", "0 to 1e30"}, &LinearSpec::alpha2, option_uses::structure, 0, largest_scale},
    OptionField{{"delta_start", "what U and V begin with", "normal, per-weight, kaiming"},
                &LinearSpec::delta_start,
                option_uses::update,
                0,
                0,
                read_start},
    OptionField{{"gate_penalty", "of gates that are not shut, each", "0 to 1e12"},
                &LinearSpec::gate_penalty,
                option_uses::gates,
                0,
                1e12},
    OptionField{{"gate_start", "what the logits of gates begin with", "-100 to 100"},
                &LinearSpec::gate_start,
                option_uses::gates,
                -100,
                100},
    OptionField{{"score_factor_start", "what A and B begin with", "normal, per-weight, kaiming"},
                &LinearSpec::score_factor_start,
                option_uses::product,
                0,
                0,
                read_start},
    OptionField{{"score_start", "movement's scores begin at so many times abs(W)", "0 to 1e6"},
                &LinearSpec::score_start,
                option_uses::movement,
                0,
                largest_start},
    OptionField{{"initial_score", "of soft movement", "-100 to 100"},
                &LinearSpec::initial_score,
                option_uses::soft_movement,
                -100,
                100},
    OptionField{
        {"penalty", "of soft movement", "0 to 1e12"}, &LinearSpec::penalty, option_uses::soft_movement, 0, 1e12},
    OptionField{{"target", "soft movement's penalty rests at this sparsity", "0 to 1 (never)"},
                &LinearSpec::target,
                option_uses::soft_movement,
                0,
                1},
    OptionField{{"threshold", "masking keeps weights whose score is above it", "-0.01 to 1000"},
                &LinearSpec::threshold,
                option_uses::masking,
                -0.01,
                1000},
    OptionField{{"masked", "fraction of the weights that masking leaves out at first", "1e-6 to 1"},
                &LinearSpec::masked,
                option_uses::masking,
                1e-6,
                1},
    OptionField{{"selector", "which weights are pruned, given their scores",
                 "top-k, global, per-row, rows, columns, threshold-T, 1:4, 2:4, 4:8, block-1x4, block-1x8, block-1x16, "
                 "all, nonzeros (of the weight, for good)"},
                &LinearSpec::selector,
                option_uses::selects,
                0,
                0,
                read_selector},
    OptionField{{"sparsity", "fraction of zeros at the end", "0 to below 1"},
                &LinearSpec::sparsity,
                option_uses::ranks,
                0,
                below_one},
    OptionField{{"initial_sparsity", "fraction of zeros at the beginning", "0 to below 1"},
                &LinearSpec::initial_sparsity,
                option_uses::ranks,
                0,
                below_one},
    OptionField{{"schedule", "of the sparsity", "cubic, linear, constant"},
                &LinearSpec::schedule,
                option_uses::ranks,
                0,
                0,
                read_schedule},
    OptionField{{"warmup", "fraction of the run at the initial sparsity", "0 to below 1"},
                &LinearSpec::warmup,
                option_uses::ranks,
                0,
                below_one},
    OptionField{{"cooldown", "fraction of the run at the last sparsity", "0 to below 1"},
                &LinearSpec::cooldown,
                option_uses::ranks,
                0,
                below_one},
    OptionField{{"refresh", "when the mask moves", "every, every-K, until-P"},
                &LinearSpec::refresh,
                option_uses::prunes,
                0,
                0,
                read_refresh},
    OptionField{{"scores", "how the scores learn", "every, every-K, sample-K, rest-P"},
                &LinearSpec::scores,
                option_uses::scores_learn,
                0,
                0,
                read_scores},
    OptionField{{"straight_through", "what weights learn through the mask", "reference, masked, dense"},
                &LinearSpec::straight_through,
                option_uses::weight_learns,
                0,
                0,
                read_rule},
    OptionField{{"bias", "whether the bias trains", "frozen, trained"}, &LinearSpec::bias, always, 0, 0, read_bias},
    OptionField{{"storage", "what the weight consists of", "scalar, bf16, f16"},
                &LinearSpec::storage,
                option_uses::reads_weight,
                0,
                0,
                read_storage},
    OptionField{{"dense_above_density", "products are dense above this density", "0 to 1"},
                &LinearSpec::dense_above_density,
                always,
                0,
                1},
    OptionField{{"threads", "of the layer", "0 (all) to 4096"}, &LinearSpec::threads, always, 0, 4096},
    OptionField{{"seed", "of the factors", "any whole number of 64 bits"},
                &LinearSpec::seed,
                always,
                0,
                static_cast<double>(std::numeric_limits<std::uint64_t>::max())},
};

/// The names of all options.
[[nodiscard]] inline std::vector<std::string_view> option_names() {
  std::vector<std::string_view> names;
  for (const OptionField& field : option_table) names.push_back(field.shown.name);
  return names;
}
/// The option of this name; throws when there is none.
[[nodiscard]] inline const OptionField& option_field(std::string_view name) {
  for (const OptionField& field : option_table)
    if (field.shown.name == name) return field;
  const std::vector<std::string_view> names = option_names();
  fail("there is no option \"", name.substr(0, 60), "\", expected one of ", listed(names), did_you_mean(name, names));
}

/// Throws unless the value of an option is allowed.
inline void check_value(const OptionField& field, const LinearSpec& spec) {
  std::visit(
      [&](auto member) {
        const auto& value = spec.*member;
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
          field.read(value);
        } else {
          const auto number = static_cast<double>(value);
          require(number >= field.least && number <= field.most, field.shown.name, " is ", value, ", expected ",
                  field.shown.values);
        }
      },
      field.member);
}

}  // namespace pst::PST_ABI::detail
