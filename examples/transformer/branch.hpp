// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/adapter/bottleneck.hpp>
#include <pst/adapter/kronecker_projection.hpp>
#include <pst/adapter/low_rank_projection.hpp>
#include <pst/adapter/rescale.hpp>
#include <pst/any/shared_cpu.hpp>
#include <pst/core/shared_parameter.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "transformer/matrix.hpp"

namespace transformer {

/// Where in a block a branch may stand.
enum class BranchPlace {
  after_attention,      ///< h + A(h) behind attention and its dropout, before it is added to its input
  after_feed_forward,   ///< likewise behind the feed-forward layer
  after_block,          ///< s + A(norm of s) on the sum behind feed-forward; without that norm where norms stand before
  beside_feed_forward,  ///< F(x) + A(x)
  keys,
  values,
  activation  ///< what the last feed-forward layer reads
};
inline constexpr std::array branch_place_names{
    "after_attention", "after_feed_forward", "after_block", "beside_feed_forward", "keys", "values", "activation"};
[[nodiscard]] inline std::string_view name_of(BranchPlace place) {
  return branch_place_names[static_cast<std::size_t>(place)];
}

using LowRankBottleneck = pst::BottleneckOf<pst::LowRankProjection>;
using KroneckerBottleneck = pst::BottleneckOf<pst::KroneckerProjection>;

/// A branch of any kind in a block: what it computes is the library's, compiled once.
template <class Scalar>
class Branch {
 public:
  using Policy = std::variant<pst::Bottleneck, LowRankBottleneck, KroneckerBottleneck, pst::Rescale>;
  /// What backward needs of forward, of one kind of branch.
  struct Kept {
    virtual ~Kept() = default;
  };
  struct Tape {
    Matrix<Scalar> in;
    std::unique_ptr<Kept> kept;
  };
  struct Interface {
    virtual ~Interface() = default;
    [[nodiscard]] virtual std::unique_ptr<Kept> make_kept() const = 0;
    virtual void forward(pst::MatrixView<const Scalar> x, pst::MatrixView<Scalar> y, Kept& kept) = 0;
    virtual void backward(pst::MatrixView<const Scalar> x, Kept& kept, pst::MatrixView<const Scalar> grad_y,
                          pst::MatrixView<Scalar> grad_x) = 0;
    virtual void zero_gradients() = 0;
    [[nodiscard]] virtual std::vector<pst::Parameter<Scalar>> parameters() = 0;
  };

  /// `name` stands in front of its parameters; `seed` draws them. `shared` is what it shares with other branches.
  Branch(const Policy& policy, index_t features, const std::string& name, std::uint64_t seed, const pst::SharedCpu& on,
         const pst::Parameter<Scalar>& shared = {});

  /// y += A(y)
  void forward(Matrix<Scalar>& y, Tape& tape) {
    tape.in = y;
    forward_from(tape.in, y, tape);
  }
  /// The gradient of what came out becomes that of what went in; `scratch` is overwritten.
  void backward(Tape& tape, Matrix<Scalar>& grad, Matrix<Scalar>& scratch) {
    scratch = grad;
    backward_from(tape.in, tape, scratch, grad);
  }
  /// y += A(x)
  void forward_from(const Matrix<Scalar>& x, Matrix<Scalar>& y, Tape& tape) {
    if (!tape.kept) tape.kept = branch_->make_kept();
    branch_->forward(view(x), view(y), *tape.kept);
  }
  /// grad_x += A'(x) grad_y
  void backward_from(const Matrix<Scalar>& x, Tape& tape, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    branch_->backward(view(x), *tape.kept, view(grad_y), view(grad_x));
  }
  void zero_gradients() { branch_->zero_gradients(); }
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    for (const auto& parameter : branch_->parameters()) visit(parameter);
  }

 private:
  std::unique_ptr<Interface> branch_;
};

/// The rule that the Kronecker projections of an encoder share, outside of all of them; none until one asks for it.
template <class Scalar>
class SharedRule {
 public:
  /// What a branch of this policy shares: the rule, which is made where there is none yet, or nothing. `seed` draws it.
  [[nodiscard]] pst::Parameter<Scalar> shared_by(const typename Branch<Scalar>::Policy& policy, std::uint64_t seed,
                                                 const pst::SharedCpu& on);
  /// Calls `visit` with the rule, where there is one.
  template <class Visit>
  void for_each_parameter(Visit&& visit) const {
    if (const pst::Parameter<Scalar> rule = parameter(); rule.value.data != nullptr) visit(rule);
  }
  void remove() { rule_.reset(); }

 private:
  [[nodiscard]] pst::Parameter<Scalar> parameter() const;

  std::shared_ptr<pst::SharedParameter<pst::EigenCpu, Scalar>> rule_;
};

extern template class Branch<float>;
extern template class Branch<double>;
extern template class SharedRule<float>;
extern template class SharedRule<double>;

}  // namespace transformer
