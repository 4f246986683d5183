// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "pst/concepts/prompt.hpp"
#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"
#include "pst/prompt/direct.hpp"

namespace pst::PST_ABI {

/// `count` vectors that train, whatever they are made from.
///
/// With as many features as a model has numbers in the keys and values of all blocks they are a prefix: columns
/// (2 block + 0) d and on go in front of that block's keys, (2 block + 1) d and on in front of its values, as PEFT
/// orders them. With the features of an embedded token they are a prompt.
///
///     tokens.compute(on);                     // vectors() are those of the parameters as they are
///     ...                                     // what reads them adds to grad()
///     tokens.backward(on);                    // gradients of what trains
///
/// @ingroup prompt
template <class B, class Scalar, class Policy = Direct>
requires Reparameterisation<Policy, B, Scalar>
class VirtualTokens {
 public:
  using ConstView = ViewOn<B, const Scalar>;
  using MutableView = ViewOn<B, Scalar>;

  VirtualTokens(const Policy& policy, B& on, index_t count, index_t features, const std::string& name,
                std::uint64_t seed)
      : state_{policy, on, positive(count, features), name, seed}, vectors_(count, features), grad_(count, features) {
    compute(on);
  }

  /// Brings the vectors up to date with the parameters.
  void compute(B& on) { state_.compute(on, vectors_.view()); }
  /// count x features; their place in memory stays.
  [[nodiscard]] ConstView vectors() const { return vectors_.view(); }
  /// What reads the vectors adds to it.
  [[nodiscard]] MutableView grad() { return grad_.view(); }
  /// Adds to the gradients of what trains; that of the vectors is zero again.
  void backward(B& on) {
    state_.backward(on, ConstView{grad_.view()});
    on.fill(grad_.view(), Scalar{0});
  }
  void zero_gradients(B& on) {
    state_.zero_gradients(on);
    on.fill(grad_.view(), Scalar{0});
  }
  void for_each_parameter(auto&& visit) { state_.for_each_parameter(visit); }
  /// How many numbers train.
  [[nodiscard]] index_t parameters() const { return state_.parameters(); }
  /// The same vectors as parameters themselves: what is kept of a training that is over. Names begin with `name`.
  [[nodiscard]] VirtualTokens<B, Scalar, Direct> fold(B& on, const std::string& name) {
    compute(on);
    const ConstView values = vectors();
    VirtualTokens<B, Scalar, Direct> folded{Direct{}, on, values.rows, values.cols, name, 0};
    folded.for_each_parameter([&](const auto& each) { on.map(each.value, functors::Identity{}, values); });
    folded.compute(on);
    return folded;
  }

 private:
  [[nodiscard]] static Shape positive(index_t count, index_t features) {
    require(count > 0 && features > 0, "there are ", count, " virtual tokens of ", features,
            " features, expected at least 1 of both");
    return {.in = features, .out = count};
  }

  typename Policy::template State<B, Scalar> state_;
  Matrix<B, Scalar> vectors_, grad_;
};

}  // namespace pst::PST_ABI
