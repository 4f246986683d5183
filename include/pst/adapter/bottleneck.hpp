// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "pst/adapter/activation.hpp"
#include "pst/adapter/dense_projection.hpp"
#include "pst/adapter/own_parameter.hpp"
#include "pst/concepts/branch.hpp"
#include "pst/concepts/projection.hpp"
#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

namespace functors {
/// y(r, c) + scale row(0, c)
template <class View, class Row>
struct PlusRow {
  View y;
  Row row;
  double scale;
  PST_HD auto operator()(index_t r, index_t c) const {
    using T = typename View::value_type;
    return y(r, c) + static_cast<T>(scale) * row(0, c);
  }
};
}  // namespace functors

/// How a bottleneck begins; its biases are zero.
/// @ingroup adapter
enum class BottleneckStart {
  near_identity,  ///< both projections N(0, deviation^2): h + A(h) is h but for a little (Houlsby)
  identity        ///< down U(-1/sqrt(d), 1/sqrt(d)), up zero: A(h) is zero (He)
};

/// A(x) = scale (phi(x W_d^T + b_d) W_u^T + b_u), the adapter of Houlsby et al. (2019), with as few hidden features as
/// `width`: 2 d width + width + d numbers where W_d and W_u themselves train (`Bottleneck`), and fewer where they are
/// made from something smaller, as of Compacter (`KroneckerProjection`). Where it stands makes it Houlsby's (h + A(h)
/// behind attention and behind feed-forward), Pfeiffer's (once a block) or parallel (He et al., 2022: beside
/// feed-forward, scale 4).
///
/// Weights of factors begin as these do; `identity` has one factor of W_u zero, `deviation` is of dense weights alone.
/// @ingroup adapter
template <class ProjectionPolicy>
struct BottleneckOf {
  using role = roles::branch;
  index_t width = 64;
  double scale = 1.0;
  Activation activation = Activation::gelu;
  BottleneckStart start = BottleneckStart::near_identity;
  double deviation = 1e-3;  ///< of both projections near the identity; that of the authors' code
  ProjectionPolicy projection{};

  template <class B, class Scalar>
  requires Projection<ProjectionPolicy, B, Scalar>
  class State {
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;

   public:
    /// What backward needs of forward, and its scratch.
    struct Tape {
      KeptRows<B, Scalar> hidden, active, grad;
    };

    /// `shared` is for the projections, where they share something with those of other branches.
    State(const BottleneckOf& branch, B& on, index_t features, const std::string& name, std::uint64_t seed,
          Parameter<Scalar, typename B::space> shared = {})
        : branch_{branch},
          features_{features},
          down_{branch.projection, on, {.in = features, .out = positive(branch, features)}, name + ".down", shared},
          down_bias_{name + ".down_bias", ParameterGroup::bias, 1, branch.width},
          up_{branch.projection, on, {.in = branch.width, .out = features}, name + ".up", shared},
          up_bias_{name + ".up_bias", ParameterGroup::bias, 1, features} {
      const bool is_identity = branch.start == BottleneckStart::identity;
      down_.begin(on, is_identity ? ProjectionStart::uniform : ProjectionStart::normal, branch.deviation,
                  derive_seed(seed, 'D'));
      up_.begin(on, is_identity ? ProjectionStart::zero : ProjectionStart::normal, branch.deviation,
                derive_seed(seed, 'P'));
    }

    /// Adds A(x) to y; both are n x features. x may be the same matrix as y.
    void forward(B& on, ConstView x, MutableView y, Tape& tape) {
      detail::check_activations("bottleneck", features_, x, y);
      down_.compute(on), up_.compute(on);
      const MutableView hidden = tape.hidden.of(x.rows, branch_.width), active = tape.active.of(x.rows, branch_.width);
      detail::for_each_adapter_block(on, x.rows, [&](index_t first, index_t count) {
        const MutableView h = hidden.middle_rows(first, count), a = active.middle_rows(first, count);
        const MutableView out = y.middle_rows(first, count);
        on.generate(h, functors::repeat_row(read(down_bias_)));
        on.gemm_nt(1.0, x.middle_rows(first, count), down_.weight(), h);
        on.map(a, functors::Activate{branch_.activation}, ConstView{h});
        on.gemm_nt(branch_.scale, ConstView{a}, up_.weight(), out);
        on.generate(out, functors::PlusRow<MutableView, ConstView>{out, read(up_bias_), branch_.scale});
      });
    }
    /// Of the forward that filled `tape`: adds to gradients, and A'(x) grad_y to grad_x, which is no other matrix.
    void backward(B& on, ConstView x, Tape& tape, ConstView grad_y, MutableView grad_x) {
      detail::check_activations("bottleneck", features_, x, grad_y);
      if (grad_x.data != nullptr) detail::check_activations("bottleneck", features_, x, grad_x);
      require(tape.hidden.rows() == x.rows, "the tape of the bottleneck is of ", tape.hidden.rows(), " rows, x has ",
              x.rows, ": give backward what forward was given");
      const ConstView hidden = tape.hidden.of(x.rows, branch_.width), active = tape.active.of(x.rows, branch_.width);
      const MutableView grad = tape.grad.of(x.rows, branch_.width);
      detail::for_each_adapter_block(on, x.rows, [&](index_t first, index_t count) {
        const MutableView g = grad.middle_rows(first, count);
        on.fill(g, Scalar{0});
        on.gemm(branch_.scale, grad_y.middle_rows(first, count), up_.weight(), g);
        on.map(g, functors::ActivateBack{branch_.activation}, ConstView{g}, hidden.middle_rows(first, count));
        if (grad_x.data != nullptr) on.gemm(1.0, ConstView{g}, down_.weight(), grad_x.middle_rows(first, count));
      });
      detail::for_each_adapter_block(on, features_, [&](index_t first, index_t count) {
        const ConstView out = grad_y.middle_cols(first, count);
        on.gemm_tn(branch_.scale, out, active, up_.grad().middle_rows(first, count));
        on.column_sums(branch_.scale, out, up_bias_.grad().middle_cols(first, count));
        on.gemm_tn(1.0, ConstView{grad}, x.middle_cols(first, count), down_.grad().middle_cols(first, count));
      });
      on.column_sums(1.0, ConstView{grad}, down_bias_.grad());
      up_.backward(on), down_.backward(on);
    }

    /// A parameter that is shared with other branches is its owner's to show.
    void for_each_parameter(auto&& visit) {
      down_.for_each_parameter(visit), visit(down_bias_.parameter());
      up_.for_each_parameter(visit), visit(up_bias_.parameter());
    }
    void zero_gradients(B& on) {
      down_.zero_gradients(on), up_.zero_gradients(on);
      for (auto* each : {&down_bias_, &up_bias_}) on.fill(each->grad(), Scalar{0});
    }
    [[nodiscard]] index_t parameters() const {
      return down_.parameters() + down_bias_.size() + up_.parameters() + up_bias_.size();
    }

   private:
    using Own = OwnParameter<B, Scalar>;
    using Weight = typename ProjectionPolicy::template State<B, Scalar>;

    [[nodiscard]] static index_t positive(const BottleneckOf& branch, index_t features) {
      require(branch.width > 0 && features > 0, "a bottleneck of ", branch.width, " features within ", features,
              ", expected at least 1 of both");
      return branch.width;
    }
    [[nodiscard]] static ConstView read(const Own& parameter) { return parameter.value(); }

    BottleneckOf branch_;
    index_t features_;
    Weight down_;
    Own down_bias_;
    Weight up_;
    Own up_bias_;
  };
};

/// A bottleneck whose weights themselves train.
/// @ingroup adapter
using Bottleneck = BottleneckOf<DenseProjection>;

}  // namespace pst::PST_ABI
