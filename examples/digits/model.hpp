// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "data.hpp"
#include "transformer/cross_entropy.hpp"
#include "transformer/dense_linear.hpp"
#include "transformer/embedding.hpp"
#include "transformer/encoder.hpp"

namespace digits {

using Layer = transformer::Projection<float>;

/// The encoder of every run: 4 blocks of width 96, 295 thousand prunable weights.
inline constexpr transformer::EncoderConfig encoder_config{
    .blocks = 4, .width = 96, .heads = 4, .hidden = 192, .gelu = transformer::GeluForm::tanh_of};

/// Patches in, pixels of hidden patches or the ten digits out.
struct Model {
  /// What backward needs from forward.
  struct Tape {
    transformer::Encoder<float>::Tape encoder;
    Matrix embedded, encoded, pooled;
    Matrix grad_pooled, grad_encoded, grad_embedded;
  };

  transformer::PatchEmbedding<float> patch{"patch", patch_pixels, encoder_config.width};
  transformer::PositionEmbedding<float> position{"position", tokens, encoder_config.width};
  transformer::Encoder<float> encoder;
  Layer pixels = transformer::dense_projection<float>("pixels", {encoder_config.width, patch_pixels});
  Layer classifier = transformer::dense_projection<float>("classifier", {encoder_config.width, classes});

  /// `make` makes the linear layers of the encoder.
  explicit Model(const transformer::MakeProjection<float>& make) : encoder{encoder_config, make} {}

  /// Random weights; `attach` afterwards.
  void initialise(std::uint64_t seed);
  /// Once after the weights are filled.
  void attach();
  /// Once per optimizer step: masks are refreshed and gradients are zero.
  void begin_step(index_t step, index_t steps);

  /// The logits of the ten classes: the tokens' mean, then the classifier.
  void classify(const Matrix& patches, Tape& tape, Matrix& logits);
  void classify_backward(const Matrix& grad_logits, Tape& tape);
  /// Predicts the pixels of every patch while those of `hidden` are not seen.
  void reconstruct(const Matrix& patches, std::span<const std::uint8_t> hidden, Tape& tape, Matrix& guess);
  void reconstruct_backward(const Matrix& patches, std::span<const std::uint8_t> hidden, const Matrix& grad_guess,
                            Tape& tape);

  /// Every dense tensor by name: `visit(name, matrix)`.
  void for_each_tensor(const std::function<void(const std::string& name, Matrix& tensor)>& visit);
  /// A copy of every tensor.
  [[nodiscard]] pst::TensorList save();
  /// Takes every tensor from `list`; throws pst::Error when one is missing or has another shape.
  void load(const pst::TensorList& list);
};

/// The fraction of `images` whose largest logit is their label; `batch` images at a time.
[[nodiscard]] double accuracy(Model& model, const Images& images, Model::Tape& tape, index_t batch);

}  // namespace digits
