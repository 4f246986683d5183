// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/shared_cpu.hpp>
#include <pst/prompt/direct.hpp>
#include <pst/prompt/mlp.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "transformer/matrix.hpp"

namespace transformer {

/// `count` vectors that train and stand where no token is, whatever they are made from: that is the library's,
/// compiled once. Whether they are keys and values or embedded tokens is the model's business.
template <class Scalar>
class VirtualTokens {
 public:
  using Policy = std::variant<pst::Direct, pst::Mlp>;
  struct Interface {
    virtual ~Interface() = default;
    virtual void compute() = 0;
    [[nodiscard]] virtual pst::MatrixView<const Scalar> vectors() const = 0;
    [[nodiscard]] virtual pst::MatrixView<Scalar> grad() = 0;
    virtual void backward() = 0;
    virtual void zero_gradients() = 0;
    [[nodiscard]] virtual std::vector<pst::Parameter<Scalar>> parameters() = 0;
  };

  /// `name` stands in front of its parameters; `seed` draws them.
  VirtualTokens(const Policy& policy, index_t count, index_t features, const std::string& name, std::uint64_t seed,
                const pst::SharedCpu& on);

  /// Brings the vectors up to date with the parameters.
  void compute() { tokens_->compute(); }
  /// count x features; their place in memory stays.
  [[nodiscard]] pst::MatrixView<const Scalar> vectors() const { return tokens_->vectors(); }
  /// What reads the vectors adds to it.
  [[nodiscard]] pst::MatrixView<Scalar> grad() { return tokens_->grad(); }
  /// Adds to the gradients of what trains; that of the vectors is zero again.
  void backward() { tokens_->backward(); }
  void zero_gradients() { tokens_->zero_gradients(); }
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    for (const auto& parameter : tokens_->parameters()) visit(parameter);
  }

 private:
  std::unique_ptr<Interface> tokens_;
};

extern template class VirtualTokens<float>;

}  // namespace transformer
