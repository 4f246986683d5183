// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "pst/adapter/own_parameter.hpp"
#include "pst/concepts/prompt.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The vectors themselves train, from N(0, deviation^2): l x features numbers. The plainest policy of its axis.
/// @ingroup prompt
struct Direct {
  using role = roles::reparameterisation;
  double deviation = 1.0;  ///< PEFT's; much larger than BERT's own embeddings

  template <class B, class Scalar>
  class State {
   public:
    State(const Direct& direct, B& on, Shape shape, std::string name, std::uint64_t seed)
        : vectors_{name + ".embeddings", ParameterGroup::delta, shape.out, shape.in} {
      const ViewOn<B, Scalar> value = vectors_.value();
      on.generate(value, NormalMatrix{NormalAt{derive_seed(seed, 'E')}, shape.in});
      on.map(value, functors::Scale{direct.deviation}, ViewOn<B, const Scalar>{value});
    }

    void compute(B& on, ViewOn<B, Scalar> out) { on.map(out, functors::Identity{}, std::as_const(vectors_).value()); }
    void backward(B& on, ViewOn<B, const Scalar> grad) {
      const ViewOn<B, Scalar> own = vectors_.grad();
      on.map(own, functors::Add{}, ViewOn<B, const Scalar>{own}, grad);
    }
    void for_each_parameter(auto&& visit) { visit(vectors_.parameter()); }
    void zero_gradients(B& on) { on.fill(vectors_.grad(), Scalar{0}); }
    [[nodiscard]] index_t parameters() const { return vectors_.size(); }

   private:
    OwnParameter<B, Scalar> vectors_;
  };
};

}  // namespace pst::PST_ABI
