// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/pst.hpp>

#include <vector>

/// S += abs(W~) * the norm of the weight's input: a small weight on a loud input matters. Nothing is learnt.
///
/// Wanda with norms that somebody has measured; pst::Wanda measures them while it trains.
/// Sun et al., "A Simple and Effective Pruning Approach for Large Language Models" (2023).
struct InputNorm {
  using role = pst::roles::importance;
  static constexpr bool learns = false;
  std::vector<double> input_norms{};  ///< one for each input

  template <class Scalar, class Space>
  struct Score {
    pst::MatrixView<const Scalar, Space> norms, weight, scores;
    PST_HD Scalar operator()(pst::index_t r, pst::index_t c) const {
      return scores(r, c) + norms(0, c) * (weight(r, c) < 0 ? -weight(r, c) : weight(r, c));
    }
  };

  template <class B, class Scalar>
  class State {
   public:
    using View = pst::ViewOn<B, Scalar>;
    using ConstView = pst::ViewOn<B, const Scalar>;

    State(const InputNorm& metric, B& on, const pst::LayerLayout& layout, ConstView) : norms_(1, layout.shape.in) {
      pst::require(metric.input_norms.size() == static_cast<std::size_t>(layout.shape.in), "InputNorm has ",
                   metric.input_norms.size(), " input norms, the layer has ", layout.shape.in, " inputs");
      const std::vector<Scalar> norms(metric.input_norms.begin(), metric.input_norms.end());
      on.copy_in(pst::MatrixView<const Scalar>{norms.data(), 1, layout.shape.in}, norms_.view());
    }
    void score(B& on, pst::Tile, ConstView weight, View scores) const {
      on.generate(scores, Score<Scalar, typename B::space>{norms_.view(), weight, scores});
    }

    void backward(B&, pst::Tile, ConstView, ConstView, View) {}  // the norms pass no gradient on
    void finish_backward(B&) {}
    void for_each_parameter(auto&&) {}
    [[nodiscard]] std::size_t persistent_bytes() const { return norms_.bytes(); }

   private:
    pst::Matrix<B, Scalar> norms_;
  };
};
static_assert(pst::ImportanceMetric<InputNorm, pst::EigenCpu, float>);
