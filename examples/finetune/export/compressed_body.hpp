// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/element_type.hpp>
#include <pst/serve/sparse_export.hpp>

#include <functional>
#include <memory>

#include "finetune/model/body.hpp"
#include "finetune/model/model.hpp"

namespace finetune {

/// A linear layer that multiplies with a compressed weight, to ask and not to train.
class CompressedLayer : public LinearLayer {
 public:
  /// Takes the numbers of a weight that are not zero, stored as `type`: F32, F16 or BF16. Throws pst::Error on what is
  /// not a weight of this layer, and on numbers that are not finite.
  virtual void set(const pst::BitmaskMatrix<float>& weight, pst::io::ElementType type) = 0;
  /// The same from a dense weight.
  virtual void set(const Matrix& weight, pst::io::ElementType type) = 0;
  [[nodiscard]] virtual pst::Shape shape() const = 0;
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// A body whose linear layers are pst::SparseMatrix. Every layer must be set before it is attached; there is no
/// backward pass, and `weight` of a layer is empty.
[[nodiscard]] std::unique_ptr<Body> make_compressed_body(const BodyShape& shape);

/// Calls `visit` with every layer of a model with a compressed body.
void for_each_compressed_layer(Model& model, const std::function<void(CompressedLayer&)>& visit);

/// The same model with compressed weights, which are stored as `type`.
[[nodiscard]] std::unique_ptr<Model> compressed(Model& model, pst::io::ElementType type = pst::io::ElementType::f32);

/// The same model with dense weights, zeros and all.
[[nodiscard]] std::unique_ptr<Model> densified(Model& model);

/// What the weights of the linear layers take in memory.
[[nodiscard]] std::size_t layer_bytes(Model& model);

}  // namespace finetune
