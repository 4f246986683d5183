// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <random>
#include <span>
#include <vector>

#include "finetune/generate/scores.hpp"
#include "finetune/generate/settings.hpp"
#include "finetune/model/layer.hpp"

namespace finetune {

/// What a model adds to a prompt.
struct Continuation {
  std::vector<int> ids;  ///< without the prompt; the end token is the last where the sentence ended
  double score = 0.0;    ///< its log-likelihood over its length to the power of length_penalty; 0 without beams
};

/// How the search for the continuation of one prompt goes on: sequence j continues what was sequence from[j] with
/// tokens[j]. With none the search is over.
struct NextTokens {
  std::vector<index_t> from;
  std::vector<int> tokens;
};

/// The search for the continuation of one prompt; it begins with one sequence, the prompt.
class Search {
 public:
  virtual ~Search() = default;
  /// Takes the logits of the next token, one row for each sequence, and uses them up; adds to `next`.
  virtual void step(Eigen::Ref<Matrix> logits, NextTokens& next) = 0;
  /// After the last step.
  [[nodiscard]] virtual Continuation result() const = 0;
};

/// Takes the likeliest token each time, of equal ones the lowest, or draws one. What is drawn depends on
/// `settings.seed` and `number`, that of the prompt, alone.
[[nodiscard]] std::unique_ptr<Search> make_search(std::span<const int> prompt, std::uint64_t number,
                                                  const GenerationSettings& settings);

/// Beam search as transformers 5 has it.
///
/// Of all continuations of the open beams the best 2 x beams are looked at, n x beams where there are n - 1 end tokens.
/// Those among the first `beams` of them that end are kept with their score over their length to the power of
/// `length_penalty`, at most `beams` of them; those that do not end are the next open beams. Of equal scores, that of
/// the better beam goes first, then that of the lower token; of equal sentences, that found first. transformers leaves
/// the order of equal scores open, and adds up scores in float, here it is double. Where the first step has fewer
/// continuations than beams, there are fewer beams, for transformers fills them up with what it has ruled out.
class BeamSearch final : public Search {
 public:
  BeamSearch(std::span<const int> prompt, const GenerationSettings& settings);

  void step(Eigen::Ref<Matrix> logits, NextTokens& next) override;
  [[nodiscard]] Continuation result() const override;

 private:
  struct Beam {
    std::vector<int> ids;  ///< with the prompt
    double score = 0.0;
  };
  struct Candidate {
    double score;
    index_t beam;
    int token;
  };

  /// The best continuations of the open beams, in falling order.
  void find_candidates(Eigen::Ref<Matrix> logits);
  void keep(const Candidate& ended);
  [[nodiscard]] bool is_full() const noexcept;
  [[nodiscard]] bool can_improve() const;

  GenerationSettings settings_;
  std::size_t prompt_, generated_ = 0;
  std::vector<Beam> open_, next_open_;
  std::vector<Beam> ended_;  ///< in falling order
  std::vector<Candidate> candidates_;
};

}  // namespace finetune
