// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/element_type.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "finetune/data/sequences.hpp"
#include "finetune/model/model.hpp"

namespace finetune {

/// What an export is checked by: a few sequences that the model and what was written of it are both asked.
using Probes = std::span<const Sequence>;

/// How far logits may be apart, relative to the largest one: dense and compressed products add in another order.
inline constexpr double most_difference = 1e-4;

/// The zeros in the weight of a linear layer.
struct LayerZeros {
  std::string name;
  index_t size = 0, zeros = 0;
};

/// How far the answers of two models are apart.
struct AnswerDifference {
  double logits = 0.0;  ///< the largest difference of two logits, relative to the largest logit
  std::size_t sequences = 0;
  std::size_t changed = 0;  ///< sequences of which another class or token is the most likely one
};

/// What was written, and what a second look at it found.
struct ExportReport {
  std::vector<LayerZeros> layers = {};
  AnswerDifference difference = {};
  std::uintmax_t bytes = 0;        ///< of weights and whatever else was written of the model
  std::uintmax_t dense_bytes = 0;  ///< of a dense model of 32 bits a number

  [[nodiscard]] LayerZeros total() const;
};

/// Counts the weights of the linear layers that are exactly zero.
[[nodiscard]] std::vector<LayerZeros> count_zeros(Model& model);

/// Bytes of all numbers of a model at 32 bits each.
[[nodiscard]] std::uintmax_t dense_bytes(Model& model);

/// Sequences of random tokens, the same ones every time, to ask where there is no data.
[[nodiscard]] std::vector<Sequence> random_probes(const ModelConfig& config, std::size_t count);

[[nodiscard]] AnswerDifference compare_answers(Model& expected, Model& found, Probes probes);

/// The same for what was written to `folder` without the weights of the base: throws pst::Error where the answers
/// differ, since something has trained then that is not there.
[[nodiscard]] AnswerDifference check_answers(Model& expected, Model& found, const std::filesystem::path& folder,
                                             Probes probes);

/// Throws pst::Error unless every number of `found` is that of `expected`, rounded once to `type`.
void check_same_numbers(Model& expected, Model& found, pst::io::ElementType type, const std::string& source);

/// Numbers and zeros of what was written, loaded again as `found`, and its answers. Throws pst::Error, with the name
/// `source`, when a number is not the model's, a pruned weight is not zero, or, in 32 bits, an answer differs.
[[nodiscard]] ExportReport check_export(Model& model, Model& found, pst::io::ElementType type,
                                        const std::filesystem::path& source, Probes probes);

}  // namespace finetune
