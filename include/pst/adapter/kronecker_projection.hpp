// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "pst/adapter/kronecker_product.hpp"
#include "pst/adapter/own_parameter.hpp"
#include "pst/concepts/projection.hpp"
#include "pst/core/error.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// Draws a rule of `parts` for Kronecker projections, (parts parts) x parts: N(0, deviation^2).
/// @ingroup adapter
template <class B, class View>
void draw_rule(B& on, View rule, double deviation, std::uint64_t seed) {
  on.generate(rule, ScaledNormal{NormalMatrix{NormalAt{seed}, rule.cols}, deviation});
}

/// The weight of a bottleneck is the transpose of H = sum over k of A_k (x) (s_k t_k), the sum of `parts` Kronecker
/// products of Compacter (Mahabadi et al., 2021): rank (in + out) numbers, and parts^3 of the rule A, where it is not
/// shared.
///
/// A_k is parts x parts, s_k (in / parts) x rank, t_k rank x (out / parts). In memory the A_k lie below one another,
/// and so do the s_k, and the t_k: as in the files of `adapters`, row by row. H is formed once for each forward, in
/// parts rank in out multiplications. s and t begin evenly by Glorot with gain sqrt 2; at zero, t is zero. A shared
/// rule is drawn by its owner (`draw_rule`): its gradient gets what every projection adds.
///
/// A begins with a deviation of 1e-2, the default of the authors' code. Their configuration of a shared rule has 1e-4,
/// with which the first gradients of s and t are at most a hundredth of these.
/// @ingroup adapter
struct KroneckerProjection {
  using role = roles::projection;
  index_t parts = 4;  ///< n of the paper; divides in and out
  index_t rank = 1;
  bool shares_rule = true;       ///< A is that of all projections that are given it, and not its own
  double rule_deviation = 1e-2;  ///< of A at first; a shared one is drawn with it by its owner

  template <class B, class Scalar>
  class State;
};

template <class B, class Scalar>
class KroneckerProjection::State {
  using ConstView = ViewOn<B, const Scalar>;
  using MutableView = ViewOn<B, Scalar>;
  using Own = OwnParameter<B, Scalar>;
  using Shared = Parameter<Scalar, typename B::space>;
  using Product = functors::KroneckerProduct<ConstView>;

 public:
  State(const KroneckerProjection& kronecker, B&, Shape shape, const std::string& name, const Shared& shared)
      : kronecker_{kronecker},
        shape_{checked(kronecker, shape)},
        left_{name + ".left", ParameterGroup::delta, shape.in, kronecker.rank},
        right_{name + ".right", ParameterGroup::delta, kronecker.parts * kronecker.rank, shape.out / kronecker.parts},
        own_rule_{name + ".rule", ParameterGroup::delta, kronecker.shares_rule ? 0 : kronecker.parts * kronecker.parts,
                  kronecker.parts},
        shared_{shared},
        weight_(shape.out, shape.in),
        grad_(shape.out, shape.in) {
    require(kronecker.shares_rule == (shared.value.data != nullptr),
            kronecker.shares_rule ? "Kronecker projections share their rule, but are given none: give the parameter() "
                                    "of a SharedParameter, or set shares_rule to false"
                                  : "a Kronecker projection has a rule of its own, but is given a shared one: leave "
                                    "it out, or set shares_rule to true");
    const index_t n = kronecker.parts;
    require(!kronecker.shares_rule || (shared.value.rows == n * n && shared.value.cols == n),
            "the rule that Kronecker projections share is ", shared.value.rows, " x ", shared.value.cols, ", expected ",
            n * n, " x ", n);
  }

  void begin(B& on, ProjectionStart start, double, std::uint64_t seed) {
    const index_t n = kronecker_.parts;
    draw(on, left_, detail::glorot_bound(shape_.in / n, kronecker_.rank), derive_seed(seed, 'l'));
    if (start != ProjectionStart::zero)
      draw(on, right_, detail::glorot_bound(kronecker_.rank, shape_.out / n), derive_seed(seed, 'r'));
    if (!kronecker_.shares_rule) draw_rule(on, own_rule_.value(), kronecker_.rule_deviation, derive_seed(seed, 'A'));
  }
  void compute(B& on) {
    const MutableView weight = weight_.view();
    const Product product = this->product();
    detail::for_each_adapter_block(on, weight.rows, [&](index_t first, index_t count) {
      on.generate(weight.middle_rows(first, count), functors::KroneckerWeight<ConstView>{product, first});
    });
  }
  [[nodiscard]] ConstView weight() const { return weight_.view(); }
  [[nodiscard]] MutableView grad() { return grad_.view(); }
  void backward(B& on) {
    const Product product = this->product();
    add<functors::KroneckerToLeft<ConstView, MutableView>>(on, product, left_.grad());
    add<functors::KroneckerToRight<ConstView, MutableView>>(on, product, right_.grad());
    add<functors::KroneckerToRule<ConstView, MutableView>>(on, product,
                                                           kronecker_.shares_rule ? shared_.grad : own_rule_.grad());
    on.fill(grad_.view(), Scalar{0});
  }
  /// What is its own: not a shared rule.
  void for_each_parameter(auto&& visit) {
    visit(left_.parameter()), visit(right_.parameter());
    if (!kronecker_.shares_rule) visit(own_rule_.parameter());
  }
  void zero_gradients(B& on) {
    for (const MutableView each : {left_.grad(), right_.grad(), own_rule_.grad(), grad()}) on.fill(each, Scalar{0});
  }
  [[nodiscard]] index_t parameters() const { return left_.size() + right_.size() + own_rule_.size(); }

 private:
  [[nodiscard]] static Shape checked(const KroneckerProjection& kronecker, Shape shape) {
    require(kronecker.parts > 0 && kronecker.rank > 0, "a Kronecker projection of ", kronecker.parts,
            " parts and rank ", kronecker.rank, ", expected at least 1 of both");
    require(shape.in % kronecker.parts == 0 && shape.out % kronecker.parts == 0, "a Kronecker projection of ",
            kronecker.parts, " parts from ", shape.in, " features to ", shape.out, ", expected multiples of ",
            kronecker.parts, ": choose another width, or another number of parts");
    return shape;
  }
  [[nodiscard]] static ConstView read(const Own& parameter) { return parameter.value(); }
  [[nodiscard]] Product product() const {
    return {kronecker_.shares_rule ? ConstView{shared_.value} : read(own_rule_), read(left_), read(right_),
            kronecker_.parts};
  }
  static void draw(B& on, Own& parameter, double bound, std::uint64_t seed) {
    const MutableView value = parameter.value();
    on.generate(value, UniformMatrix{seed, value.cols, bound});
  }
  template <class ToFactor>
  void add(B& on, const Product& product, MutableView grad) {
    detail::for_each_adapter_block(on, grad.rows, [&](index_t first, index_t count) {
      on.generate(grad.middle_rows(first, count), ToFactor{{product, ConstView{grad_.view()}, grad, first}});
    });
  }

  KroneckerProjection kronecker_;
  Shape shape_;
  Own left_, right_, own_rule_;
  Shared shared_;
  Matrix<B, Scalar> weight_, grad_;
};

}  // namespace pst::PST_ABI
