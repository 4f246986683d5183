// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/parameter.hpp>
#include <pst/core/tensor.hpp>
#include <pst/layer/mask_report.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "transformer/attention.hpp"
#include "transformer/encoder.hpp"

namespace finetune {

using transformer::index_t;
using Matrix = transformer::Matrix<float>;
using Norm = transformer::LayerNorm<float>;
using Cache = transformer::KeyValueCache<float>;

/// One linear layer of a model, whatever its type.
class LinearLayer {
 public:
  virtual ~LinearLayer() = default;

  [[nodiscard]] virtual const std::string& name() const = 0;
  /// The weight (out x in) and bias (1 x out) that the layer borrows; a factor that is learnt is not in it.
  [[nodiscard]] virtual Matrix& weight() = 0;
  [[nodiscard]] virtual Matrix& bias() = 0;
  /// Calls `visit` with every parameter that the type of the layer trains.
  virtual void for_each_parameter(const std::function<void(const pst::Parameter<float>&)>& visit) = 0;
  /// Writes the weight that the layer multiplies with: learnt factors added, exactly 0 where pruned.
  virtual void export_weight(Matrix& out) = 0;
  /// How many weights are kept; all of them in a dense layer.
  [[nodiscard]] virtual index_t kept() = 0;
  /// None in a dense layer.
  [[nodiscard]] virtual std::optional<pst::MaskReport> report() = 0;
  /// What training has changed, to go on from bit for bit.
  [[nodiscard]] virtual pst::TensorList save() = 0;
  virtual void restore(const pst::TensorList& state) = 0;
};

/// The blocks of a model, whatever the type of their linear layers: so that the rest is compiled once.
class Body {
 public:
  virtual ~Body() = default;

  [[nodiscard]] virtual const transformer::EncoderConfig& config() const = 0;
  /// Once after the weights are filled.
  virtual void attach() = 0;
  /// Once per optimizer step, before its first forward: masks are refreshed and gradients are zero.
  virtual void begin_step(double step, double steps) = 0;
  virtual void forward(const Matrix& x, transformer::Sequences sequences, Matrix& y) = 0;
  /// The same for the next rows[s] tokens of each sequence s of `cache`; no backward can follow.
  virtual void extend(const Matrix& x, std::span<const index_t> rows, Cache& cache, Matrix& y) = 0;
  /// Of the last forward.
  virtual void backward(transformer::Sequences sequences, const Matrix& grad_y, Matrix& grad_x) = 0;
  virtual void for_each_layer(const std::function<void(LinearLayer&)>& visit) = 0;
  virtual void for_each_norm(const std::function<void(Norm&)>& visit) = 0;
};

/// What `make_body` is to make.
struct BodyShape {
  transformer::EncoderConfig config;
  transformer::EncoderNames names;
};

/// A body of the layers that the caller chose.
using MakeBody = std::function<std::unique_ptr<Body>(const BodyShape& shape)>;

/// A body of transformer::DenseLinear, in which every weight trains.
[[nodiscard]] std::unique_ptr<Body> make_dense_body(const BodyShape& shape);

}  // namespace finetune
