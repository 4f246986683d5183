// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace digits {

void Model::initialise(std::uint64_t seed) {
  std::mt19937_64 random{seed};
  transformer::fill_normal(patch.projection.value, 0.5, random);
  transformer::fill_normal(patch.hidden.value, 0.1, random);
  transformer::fill_normal(position.table.value, 0.5, random);  // as large as a patch: the tokens' mean loses the order
  encoder.for_each_projection([&](auto& projection) { projection.initialise(random); });
  const float share = 1.0F / std::sqrt(2.0F * static_cast<float>(encoder_config.blocks));  // as in GPT-2
  for (auto& block : encoder.blocks)
    for (auto* last : {&block.attention.output, &block.feed_out}) last->weight *= share;
  pixels.initialise(random);
  classifier.initialise(random);
}

void Model::attach() {
  encoder.attach();
  pixels.attach();
  classifier.attach();
}

void Model::begin_step(index_t step, index_t steps) {
  encoder.begin_step(step, steps);
  pixels.layer.begin_step(step, steps);
  classifier.layer.begin_step(step, steps);
  const auto clear = [](auto parameter) { transformer::map(parameter.grad).setZero(); };
  patch.for_each_parameter(clear);
  position.for_each_parameter(clear);
}

void Model::classify(const Matrix& patches, Tape& tape, Matrix& logits) {
  patch.forward(patches, {}, tape.embedded);
  position.forward(tape.embedded, tokens);
  encoder.forward(tape.embedded, {.tokens = tokens}, tape.encoder, tape.encoded);
  tape.pooled.resize(patches.rows() / tokens, tape.encoded.cols());
  for (index_t i = 0; i < tape.pooled.rows(); ++i)
    tape.pooled.row(i) = tape.encoded.middleRows(i * tokens, tokens).colwise().mean();
  classifier.forward(tape.pooled, logits);
}

void Model::classify_backward(const Matrix& grad_logits, Tape& tape) {
  classifier.backward(tape.pooled, grad_logits, tape.grad_pooled);
  tape.grad_encoded.resizeLike(tape.encoded);
  for (index_t i = 0; i < tape.pooled.rows(); ++i)
    tape.grad_encoded.middleRows(i * tokens, tokens).rowwise() = tape.grad_pooled.row(i) / static_cast<float>(tokens);
  encoder.backward({.tokens = tokens}, tape.encoder, tape.grad_encoded, tape.grad_embedded);
}

void Model::reconstruct(const Matrix& patches, std::span<const std::uint8_t> hidden, Tape& tape, Matrix& guess) {
  patch.forward(patches, hidden, tape.embedded);
  position.forward(tape.embedded, tokens);
  encoder.forward(tape.embedded, {.tokens = tokens}, tape.encoder, tape.encoded);
  pixels.forward(tape.encoded, guess);
}

void Model::reconstruct_backward(const Matrix& patches, std::span<const std::uint8_t> hidden, const Matrix& grad_guess,
                                 Tape& tape) {
  pixels.backward(tape.encoded, grad_guess, tape.grad_encoded);
  encoder.backward({.tokens = tokens}, tape.encoder, tape.grad_encoded, tape.grad_embedded);
  position.backward(tape.grad_embedded, tokens);
  patch.backward(patches, hidden, tape.grad_embedded);
}

void Model::for_each_tensor(const std::function<void(const std::string& name, Matrix& tensor)>& visit) {
  for (auto* trained : {&patch.projection, &patch.bias, &patch.hidden, &position.table})
    visit(trained->name, trained->value);
  const auto both = [&](auto& projection) {
    visit(projection.name + ".weight", projection.weight);
    visit(projection.name + ".bias", projection.bias);
  };
  encoder.for_each_projection(both);
  encoder.for_each_norm([&](auto& norm) {
    visit(norm.gain.name, norm.gain.value);
    visit(norm.bias.name, norm.bias.value);
  });
  both(pixels);
  both(classifier);
}

pst::TensorList Model::save() {
  pst::TensorList list;
  for_each_tensor([&](const std::string& name, const Matrix& matrix) {
    list.push_back(pst::Tensor::from<float>(name, {matrix.rows(), matrix.cols()},
                                            {matrix.data(), static_cast<std::size_t>(matrix.size())}));
  });
  return list;
}

void Model::load(const pst::TensorList& list) {
  for_each_tensor([&](const std::string& name, Matrix& matrix) {
    const pst::Tensor& tensor = pst::find(list, name);
    const std::vector<float> values = tensor.values<float>();
    pst::require(static_cast<index_t>(values.size()) == matrix.size(), "tensor ", name, " has ", values.size(),
                 " elements, the model expects ", matrix.rows(), " x ", matrix.cols());
    std::ranges::copy(values, matrix.data());
  });
}

double accuracy(Model& model, const Images& images, Model::Tape& tape, index_t batch) {
  Matrix logits;
  index_t right = 0;
  for (index_t first = 0; first < images.count(); first += batch) {
    const index_t count = std::min(batch, images.count() - first);
    model.classify(images.patches.middleRows(first * tokens, count * tokens), tape, logits);
    for (index_t i = 0; i < count; ++i) {
      index_t best = 0;
      logits.row(i).maxCoeff(&best);
      right += best == images.labels[static_cast<std::size_t>(first + i)] ? 1 : 0;
    }
  }
  return static_cast<double>(right) / static_cast<double>(images.count());
}

}  // namespace digits
