// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <cstdint>
#include <span>
#include <string>

#include "data.hpp"
#include "transformer/cross_entropy.hpp"
#include "transformer/dense_linear.hpp"
#include "transformer/embedding.hpp"
#include "transformer/encoder.hpp"

namespace digits {

using Dense = transformer::DenseLinear<float>;

/// The encoder of every run: 4 blocks of width 96, 295 thousand prunable weights.
inline constexpr transformer::EncoderConfig encoder_config{
    .blocks = 4, .width = 96, .heads = 4, .hidden = 192, .gelu = transformer::GeluForm::tanh_of};

/// Patches in, pixels of hidden patches or the ten digits out. Every linear layer of the encoder is a `Linear`.
template <class Linear>
struct Model {
  /// What backward needs from forward.
  struct Tape {
    typename transformer::Encoder<Linear>::Tape encoder;
    Matrix embedded, encoded, pooled;
    Matrix grad_pooled, grad_encoded, grad_embedded;
  };

  transformer::PatchEmbedding<float> patch{"patch", patch_pixels, encoder_config.width};
  transformer::PositionEmbedding<float> position{"position", tokens, encoder_config.width};
  transformer::Encoder<Linear> encoder;
  transformer::Projection<Dense> pixels{{encoder_config.width, patch_pixels}, {.name = "pixels"}};
  transformer::Projection<Dense> classifier{{encoder_config.width, classes}, {.name = "classifier"}};

  explicit Model(typename Linear::Options options) : encoder{encoder_config, options} {}

  /// Random weights; `attach` afterwards.
  void initialise(std::uint64_t seed);
  /// Once after the weights are filled.
  void attach();
  /// Once per optimizer step: masks are refreshed and gradients are zero.
  void begin_step(double progress);

  /// The logits of the ten classes: the tokens' mean, then the classifier.
  void classify(const Matrix& patches, Tape& tape, Matrix& logits);
  void classify_backward(const Matrix& grad_logits, Tape& tape);
  /// Predicts the pixels of every patch while those of `hidden` are not seen.
  void reconstruct(const Matrix& patches, std::span<const std::uint8_t> hidden, Tape& tape, Matrix& guess);
  void reconstruct_backward(const Matrix& patches, std::span<const std::uint8_t> hidden, const Matrix& grad_guess,
                            Tape& tape);

  /// Every dense tensor by name: `visit(name, matrix)`.
  template <class Visit>
  void for_each_tensor(Visit&& visit);
  /// A copy of every tensor.
  [[nodiscard]] pst::TensorList save();
  /// Takes every tensor from `list`; throws pst::Error when one is missing or has another shape.
  void load(const pst::TensorList& list);
};

/// The fraction of `images` whose largest logit is their label; `batch` images at a time.
template <class Linear>
[[nodiscard]] double accuracy(Model<Linear>& model, const Images& images, typename Model<Linear>::Tape& tape,
                              index_t batch);

}  // namespace digits

#include "model_impl.hpp"
