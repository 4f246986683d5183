// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "pst/adapter/own_parameter.hpp"
#include "pst/concepts/projection.hpp"
#include "pst/core/error.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The weight of a bottleneck is L R, with L out x rank and R rank x in: rank (in + out) numbers, as in the low-rank
/// adapter of Mahabadi et al. (2021).
///
/// It is the product of matrices, as their paper has it. Their code and OpenDelta multiply the factors elementwise,
/// which is the same for rank 1 alone. Both begin evenly by Glorot with gain sqrt 2; at zero, L is zero.
/// @ingroup adapter
struct LowRankProjection {
  using role = roles::projection;
  index_t rank = 1;

  template <class B, class Scalar>
  class State {
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;
    using Own = OwnParameter<B, Scalar>;

   public:
    State(const LowRankProjection& low_rank, B&, Shape shape, const std::string& name,
          Parameter<Scalar, typename B::space> shared)
        : left_{name + ".left", ParameterGroup::delta, shape.out, positive(low_rank)},
          right_{name + ".right", ParameterGroup::delta, low_rank.rank, shape.in},
          weight_(shape.out, shape.in),
          grad_(shape.out, shape.in) {
      require(shared.value.data == nullptr, "a low-rank projection is given the shared parameter ", shared.name,
              ", but shares nothing: leave it out");
    }

    void begin(B& on, ProjectionStart start, double, std::uint64_t seed) {
      if (start != ProjectionStart::zero) draw(on, left_, derive_seed(seed, 'l'));
      draw(on, right_, derive_seed(seed, 'r'));
    }
    void compute(B& on) {
      const MutableView weight = weight_.view();
      detail::for_each_adapter_block(on, weight.rows, [&](index_t first, index_t count) {
        const MutableView part = weight.middle_rows(first, count);
        on.fill(part, Scalar{0});
        on.gemm(1.0, read(left_).middle_rows(first, count), read(right_), part);
      });
    }
    [[nodiscard]] ConstView weight() const { return weight_.view(); }
    [[nodiscard]] MutableView grad() { return grad_.view(); }
    /// dL += dW R^T, dR += L^T dW
    void backward(B& on) {
      const ConstView grad = grad_.view();
      detail::for_each_adapter_block(on, grad.rows, [&](index_t first, index_t count) {
        on.gemm_nt(1.0, grad.middle_rows(first, count), read(right_), left_.grad().middle_rows(first, count));
      });
      detail::for_each_adapter_block(on, grad.cols, [&](index_t first, index_t count) {
        on.gemm_tn(1.0, read(left_), grad.middle_cols(first, count), right_.grad().middle_cols(first, count));
      });
      on.fill(grad_.view(), Scalar{0});
    }
    void for_each_parameter(auto&& visit) { visit(left_.parameter()), visit(right_.parameter()); }
    void zero_gradients(B& on) {
      for (const MutableView each : {left_.grad(), right_.grad(), grad()}) on.fill(each, Scalar{0});
    }
    [[nodiscard]] index_t parameters() const { return left_.size() + right_.size(); }

   private:
    [[nodiscard]] static index_t positive(const LowRankProjection& low_rank) {
      require(low_rank.rank > 0, "a low-rank projection of rank ", low_rank.rank, ", expected at least 1");
      return low_rank.rank;
    }
    [[nodiscard]] static ConstView read(const Own& parameter) { return parameter.value(); }
    static void draw(B& on, Own& parameter, std::uint64_t seed) {
      const MutableView value = parameter.value();
      on.generate(value, UniformMatrix{seed, value.cols, detail::glorot_bound(value.rows, value.cols)});
    }

    Own left_, right_;
    Matrix<B, Scalar> weight_, grad_;
  };
};

}  // namespace pst::PST_ABI
