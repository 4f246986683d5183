// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// What a layer is made from, by name and number; the defaults are those of the library's policies.
///
/// A method that does not use an option ignores its default and refuses any other value.
/// @ingroup any
struct LinearSpec {
  std::string method = "pst";  ///< of `linear_methods()`, or one that was registered
  std::string name{};          ///< of the layer: in messages, reports, and in front of the names of its parameters

  // ---- what the method consists of
  std::string importance{};  ///< sum of "magnitude", "low-rank", "row-column", "movement", "soft-movement" and
                             ///< "masking", as "magnitude+row-column"; empty: that of the method
  std::string weighted_by = "nothing";  ///< abs(W) in that sum counts by: "nothing", "inputs" (Wanda) or "both", inputs
                                        ///< and gradients of outputs
  std::string delta{};                  ///< "low-rank", "dora", "full", "gated" or "frozen"; empty: that of the method
  index_t delta_rank = 8;               ///< of U V
  index_t score_rank = 8;               ///< of A B
  double delta_energy = 0.0;            ///< above 0: the smallest rank that holds it, `delta_rank` at most (EnergyRank)
  double score_energy = 0.0;            ///< likewise, `score_rank` at most
  double beta = 1.0;                    ///< scale of U V
  double alpha1 = 1.0;                  ///< scale of A B
  double alpha2 = 1.0;                  ///< scale of R + C
  std::string delta_start = "normal";   ///< of U V: "normal" (N(0, 1), as published), "per-weight" (a rate is
                                        ///< that of a weight) or "kaiming" (as in LoRA)
  std::string score_factor_start = "normal";  ///< likewise of A B
  double gate_penalty = 1.25e-7;              ///< of each gate that is not shut
  double gate_start = 5.0;                    ///< logit of the gates at first
  double score_start = 0.0;                   ///< movement's scores begin at so many times abs(W)
  double initial_score = 2.2;                 ///< of soft movement
  double penalty = 0.0;                       ///< of soft movement
  double target = 1.0;                        ///< the penalty rests at this sparsity; 1: never
  double threshold = 0.01;                    ///< masking keeps weights whose score is above it
  double masked = 0.05;                       ///< the fraction of weights that masking leaves out at first

  // ---- which weights are pruned, and when
  std::string selector = "top-k";  ///< "top-k", "global" (one budget for a LayerSet), "per-row", "rows", "columns",
                                   ///< "threshold-T", "1:4", "2:4", "4:8", "block-1x4", "block-1x8" or "block-1x16";
                                   ///< once and for all "all" or "nonzeros" (of the weight as it was attached)
  double sparsity = 0.9;           ///< at the end
  double initial_sparsity = 0.0;
  std::string schedule = "cubic";  ///< "cubic", "linear" or "constant"
  double warmup = 0.1;             ///< fraction of the run at the initial sparsity
  double cooldown = 0.3;           ///< fraction of the run at the last sparsity
  std::string refresh = "every";   ///< when the mask moves: "every", "every-K" (steps) or "until-P" (progress)

  // ---- how it learns
  std::string scores = "every";  ///< "every", "every-K", "sample-K" (one token in K) or "rest-P"
  std::string straight_through =
      "reference";              ///< "reference" (where scores do not learn: "masked"), "masked" or "dense"
  std::string bias = "frozen";  ///< or "trained"

  // ---- how it computes
  std::string storage = "scalar";     ///< what the weight consists of: the layer's numbers, "bf16" or "f16"
  double dense_above_density = 0.25;  ///< above it products are dense
  int threads = 0;                    ///< 0: as many as there are; not where the layer shares those of others
  std::uint64_t seed = 1;             ///< of the factors

  friend bool operator==(const LinearSpec&, const LinearSpec&) = default;
};

/// A way to train a layer, by name.
/// @ingroup any
struct LinearMethod {
  std::string_view name;
  std::string_view description;
  std::string_view trains;      ///< what trains, besides a bias
  std::string_view importance;  ///< of LinearSpec
  std::string_view delta;       ///< likewise
  bool prunes = true;           ///< whether weights are pruned
};
/// The library's methods.
/// @ingroup any
[[nodiscard]] std::span<const LinearMethod> linear_methods();
/// The library's method of this name. Throws Error, which says the nearest names, when there is none.
/// @ingroup any
[[nodiscard]] const LinearMethod& linear_method(std::string_view name);

/// An option of LinearSpec besides the method, by name.
/// @ingroup any
struct LinearOption {
  std::string_view name;
  std::string_view description;
  std::string_view values;  ///< those that are allowed
};
/// All options.
/// @ingroup any
[[nodiscard]] std::span<const LinearOption> linear_options();
/// Whether what `spec` describes uses an option; a registered method may use every one.
/// @ingroup any
[[nodiscard]] bool uses_option(const LinearSpec& spec, std::string_view option);
/// Whether the scores of what `spec` describes learn.
/// @ingroup any
[[nodiscard]] bool scores_learn(const LinearSpec& spec);

/// An option and its value, as text.
/// @ingroup any
struct SpecEntry {
  std::string name;
  std::string value;
};
/// Reads a method and its options: "pst", "movement score_start=10 sparsity=0.95". A value with spaces stands in double
/// quotes, in which a backslash stands in front of a quote and a backslash. Throws Error on a name that is unknown,
/// with the nearest ones, on a value out of range, with the range, and on an option that the method does not use.
/// @ingroup any
[[nodiscard]] LinearSpec read_spec(std::string_view text);
/// The same from pairs, as command lines and JSON objects have them; the pair "method" names the method.
/// @ingroup any
[[nodiscard]] LinearSpec read_spec(std::span<const SpecEntry> entries);
/// Sets one option from text. Throws Error on an unknown name and a value out of range.
/// @ingroup any
void set_option(LinearSpec& spec, std::string_view option, std::string_view value);
/// The text that `read_spec` reads as `spec`: its method and every option that differs from its default.
/// @ingroup any
[[nodiscard]] std::string to_text(const LinearSpec& spec);
/// Throws Error when a value is out of range, or differs from the default of an option that is not used.
/// @ingroup any
void check_spec(const LinearSpec& spec);

}  // namespace pst::PST_ABI
