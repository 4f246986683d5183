// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "pst/any/implementation/nearest.hpp"
#include "pst/any/spec.hpp"
#include "pst/core/error.hpp"

/// What the layer of a specification consists of.
namespace pst::PST_ABI::detail {

/// Which metrics are added up, and which update there is.
struct Composition {
  enum class Delta { low_rank, dora, full, gated, frozen };
  bool magnitude = false, low_rank = false, row_column = false, movement = false, soft_movement = false,
       masking = false;
  Delta delta = Delta::low_rank;
  bool prunes = true;  ///< the mask is chosen by scores

  [[nodiscard]] constexpr bool scores_learn() const noexcept {
    return low_rank || row_column || movement || soft_movement || masking;
  }
  /// Soft movement and masking have a threshold instead of a schedule.
  [[nodiscard]] constexpr bool has_threshold() const noexcept { return soft_movement || masking; }
  [[nodiscard]] constexpr bool ranks() const noexcept { return prunes && !has_threshold(); }
  /// Whether U V trains.
  [[nodiscard]] constexpr bool updates_by_product() const noexcept {
    return delta == Delta::low_rank || delta == Delta::dora;
  }
};

inline constexpr std::array method_table{
    LinearMethod{"pst", "low-rank update, learnt low-rank and structured scores (PST)", "U V, A B, R, C",
                 "magnitude+low-rank+row-column", "low-rank"},
    LinearMethod{"pst-ab", "PST without the structured scores R and C", "U V, A B", "magnitude+low-rank", "low-rank"},
    LinearMethod{"pst-rc", "PST without the low-rank scores A B", "U V, R, C", "magnitude+row-column", "low-rank"},
    LinearMethod{"magnitude", "the smallest weights are pruned", "weights", "magnitude", "full"},
    LinearMethod{"movement", "weights that move towards zero are pruned", "weights and a score for each", "movement",
                 "full"},
    LinearMethod{"soft-movement", "movement with a threshold and a penalty", "weights and a score for each",
                 "soft-movement", "full"},
    LinearMethod{"masking", "the mask of the frozen weight is learnt, by a threshold", "a score for each weight",
                 "masking", "frozen"},
    LinearMethod{"full", "dense fine-tuning", "weights", "magnitude", "full", false},
    LinearMethod{"lora", "low-rank update of the dense weight", "U V", "magnitude", "low-rank", false},
    LinearMethod{"dora", "low-rank update of the dense weight, whose row norms train apart", "U V, m", "magnitude",
                 "dora", false},
    LinearMethod{"diff", "a change of the dense weight behind gates that learn to close (diff pruning)",
                 "a change and a gate for each weight", "magnitude", "gated", false},
    LinearMethod{"frozen", "the dense weight, which does not change", "nothing", "magnitude", "frozen", false},
};

/// The library's method of this name, or nothing.
[[nodiscard]] inline const LinearMethod* find_method(std::string_view name) {
  for (const LinearMethod& method : method_table)
    if (method.name == name) return &method;
  return nullptr;
}

/// Marks the metrics of a sum such as "magnitude+row-column".
inline void read_importance(std::string_view sum, Composition& into) {
  const auto mark = [&](std::string_view metric) {
    struct Known {
      std::string_view name;
      bool* flag;
    };
    const std::array known{Known{"magnitude", &into.magnitude},         Known{"low-rank", &into.low_rank},
                           Known{"row-column", &into.row_column},       Known{"movement", &into.movement},
                           Known{"soft-movement", &into.soft_movement}, Known{"masking", &into.masking}};
    std::vector<std::string_view> names;
    for (const auto& [name, flag] : known) {
      names.push_back(name);
      if (metric != name) continue;
      require(!*flag, "importance has ", name, " twice, expected each metric once");
      *flag = true;
      return;
    }
    fail("importance has \"", metric, "\", expected a sum of some of ", listed(names), did_you_mean(metric, names));
  };
  for (std::size_t end = sum.find('+'); end != std::string_view::npos; end = sum.find('+')) {
    mark(sum.substr(0, end));
    sum.remove_prefix(end + 1);
  }
  mark(sum);
  require(!into.masking || !(into.movement || into.soft_movement),
          "importance has masking and movement, whose scores begin otherwise: choose one of them");
}
[[nodiscard]] inline Composition::Delta read_delta(std::string_view name) {
  if (name == "low-rank") return Composition::Delta::low_rank;
  if (name == "dora") return Composition::Delta::dora;
  if (name == "full") return Composition::Delta::full;
  if (name == "gated") return Composition::Delta::gated;
  if (name == "frozen") return Composition::Delta::frozen;
  fail("delta is \"", name, "\", expected low-rank, dora, full, gated or frozen");
}

/// Whether a specification keeps all weights, or those that are not zero, for good.
[[nodiscard]] inline bool keeps_as_given(const LinearSpec& spec) {
  return spec.selector == "all" || spec.selector == "nonzeros";
}

/// What a specification of one of the library's methods describes; nothing where the method is another.
[[nodiscard]] inline std::optional<Composition> composition_of(const LinearSpec& spec) {
  const LinearMethod* const method = find_method(spec.method);
  if (method == nullptr) return std::nullopt;
  Composition made;
  read_importance(spec.importance.empty() ? method->importance : std::string_view{spec.importance}, made);
  made.delta = read_delta(spec.delta.empty() ? method->delta : std::string_view{spec.delta});
  made.prunes = method->prunes && !keeps_as_given(spec);
  return made;
}

}  // namespace pst::PST_ABI::detail
