// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "finetune/model/model.hpp"

namespace finetune {

/// A module of a model: one with tensors of its own, or one of modules, whose numbers are the sums of theirs.
struct Module {
  std::string name{};    ///< without those it is in
  std::string shapes{};  ///< of its own tensors: "768 x 768 + 768"
  index_t numbers = 0;
  index_t trains = 0;          ///< numbers that train for it: its own, its factors and its scores
  index_t prunable = 0;        ///< weights of linear layers inside the blocks
  index_t pruned = 0;          ///< those of them that are exactly zero
  std::size_t bytes = 0;       ///< as float
  std::size_t compressed = 0;  ///< where that is less, the weights that are kept as float and a bit for each
  std::vector<Module> parts{};
};

/// The modules of a model as its Hugging Face folder names them. `trains` says which of its parameters do; without,
/// none does.
[[nodiscard]] Module modules_of(Model& model, const std::function<bool(const ModelParameter&)>& trains);

/// Prints a tree, `depth` levels deep; 0 is all of it. In colour, what trains is green.
void print_modules(std::ostream& out, const Module& root, int depth, bool in_colour = false);

}  // namespace finetune
