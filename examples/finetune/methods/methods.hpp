// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/spec.hpp>

#include <cstdint>
#include <span>
#include <string_view>

#include "finetune/model/layer.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// A method of the library, or one that this program makes of it, with what this program adds.
struct MethodInfo {
  std::string_view name;         ///< on the command line
  std::string_view layers;       ///< the library's method of the linear layers
  std::string_view description;  ///< in --help
  std::string_view trains;       ///< what trains of a linear layer
  bool is_sparse = true;         ///< weights are pruned
  bool has_target = true;        ///< until a sparsity is reached that is asked for, where they are
  double rate = 1e-3;            ///< the learning rate, where none is given
  double score_rate = 1.0;       ///< times that: the scores'
  double head_rate = 1.0;        ///< likewise: that of pooler and head
  double published_rate = 1e-3, published_score_rate = 1.0, published_head_rate = 1.0;  ///< with N(0, 1) in factors
  std::string_view beside = "biases,norms";  ///< what trains besides, where nothing is said
  std::string_view adapter = "none";         ///< of adapters(), likewise
};

/// Every method: the library's, and BitFit and the like, which train no weight.
[[nodiscard]] std::span<const MethodInfo> methods();
/// The method of this name; throws pst::Error when there is none.
[[nodiscard]] const MethodInfo& method_named(std::string_view name);

/// The penalty of soft movement where none is given; rises with the sparsity. It rests once that is reached.
[[nodiscard]] double penalty_for(double sparsity);

/// What trains besides what a method is about: `MethodSettings::beside`.
struct Beside {
  bool biases = false;  ///< all of them, those of norms too
  bool norms = false;   ///< their gains and biases
};
/// Reads "biases", "norms", both with a comma between, or "none"; where there is nothing, it is the method's. Throws
/// pst::Error on anything else.
[[nodiscard]] Beside beside_of(const MethodSettings& settings);

/// Makes the mask of a layer that of its weight, for good, whatever its method is.
void keep_mask(pst::LinearSpec& spec);
/// What the linear layers of a method are made from: of the settings, those that it uses.
[[nodiscard]] pst::LinearSpec layer_spec(const MethodSettings& settings, std::uint64_t seed);

/// The layers of a method: those of the chosen modules train, the others are frozen, with their biases. `seed` draws
/// the factors; `blocks` is how many the model has, which patterns of modules may ask for. Throws pst::Error on
/// settings that are out of range, before any layer is made.
[[nodiscard]] MakeLayer method_layers(const MethodSettings& settings, std::uint64_t seed, index_t blocks = 0);

/// How many threads the layers that are made from now on use; 0: all cores. Results are the same for any number.
void use_threads(int threads);

}  // namespace finetune
