// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "pst/adapter/own_parameter.hpp"
#include "pst/concepts/projection.hpp"
#include "pst/core/error.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The weight of a bottleneck itself trains: in out numbers.
/// @ingroup adapter
struct DenseProjection {
  using role = roles::projection;

  template <class B, class Scalar>
  class State {
   public:
    State(const DenseProjection&, B&, Shape shape, std::string name, Parameter<Scalar, typename B::space> shared)
        : weight_{std::move(name), ParameterGroup::delta, shape.out, shape.in} {
      require(shared.value.data == nullptr, "a dense projection is given the shared parameter ", shared.name,
              ", but shares nothing: leave it out");
    }

    /// N(0, deviation^2), U(-1/sqrt(in), 1/sqrt(in)) or zeros.
    void begin(B& on, ProjectionStart start, double deviation, std::uint64_t seed) {
      const ViewOn<B, Scalar> value = weight_.value();
      if (start == ProjectionStart::uniform)
        on.generate(value, UniformMatrix{seed, value.cols, 1.0 / std::sqrt(static_cast<double>(value.cols))});
      if (start == ProjectionStart::normal)
        on.generate(value, ScaledNormal{NormalMatrix{NormalAt{seed}, value.cols}, deviation});
    }
    void compute(B&) {}
    [[nodiscard]] ViewOn<B, const Scalar> weight() const { return weight_.value(); }
    [[nodiscard]] ViewOn<B, Scalar> grad() { return weight_.grad(); }
    void backward(B&) {}
    void for_each_parameter(auto&& visit) { visit(weight_.parameter()); }
    void zero_gradients(B& on) { on.fill(weight_.grad(), Scalar{0}); }
    [[nodiscard]] index_t parameters() const { return weight_.size(); }

   private:
    OwnParameter<B, Scalar> weight_;
  };
};

}  // namespace pst::PST_ABI
