// SPDX-License-Identifier: Apache-2.0
#include <pst/io/tensor_file.hpp>
#include <pst/optim/adamw.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "model.hpp"
#include "run.hpp"

namespace digits {

namespace {

/// Mean squared error of the hidden patches alone; writes its gradient.
double hidden_error(const Matrix& guess, const Matrix& truth, const std::vector<std::uint8_t>& hidden, Matrix& grad) {
  const auto count = std::max<std::ptrdiff_t>(1, std::ranges::count(hidden, 1));
  const float share = 1.0F / static_cast<float>(count * guess.cols());
  grad.setZero(guess.rows(), guess.cols());
  double error = 0.0;
  for (index_t row = 0; row < guess.rows(); ++row) {
    if (hidden[static_cast<std::size_t>(row)] == 0) continue;
    grad.row(row) = guess.row(row) - truth.row(row);
    error += static_cast<double>(grad.row(row).squaredNorm() * share);
    grad.row(row) *= 2.0F * share;
  }
  return error;
}

}  // namespace

void pretrain(const Settings& settings, const Images& images, const std::filesystem::path& checkpoint,
              const Report& report) {
  Model model{transformer::dense_layers<float>()};
  model.initialise(1);
  model.attach();
  std::vector<pst::Parameter<float>> trained;
  const auto add = [&](const pst::Parameter<float>& parameter) { trained.push_back(parameter); };
  model.patch.for_each_parameter(add);
  model.position.for_each_parameter(add);
  model.encoder.for_each_parameter(add);
  model.pixels.layer.for_each_parameter(add);

  pst::AdamW<float> optimizer{{.learning_rate = settings.pretrain_rate}};
  Model::Tape tape;
  Matrix guess, grad;
  std::vector<std::uint8_t> hidden(static_cast<std::size_t>(settings.pretrain_batch * tokens));
  std::vector<index_t> chosen(static_cast<std::size_t>(settings.pretrain_batch));
  std::mt19937_64 random{2};
  const auto threshold = static_cast<std::uint64_t>(settings.hidden_patches * 0x1.0p32);
  for (int step = 0; step < settings.pretrain_steps; ++step) {
    const double progress = static_cast<double>(step) / settings.pretrain_steps;
    for (index_t& image : chosen) image = static_cast<index_t>(random() % static_cast<std::uint64_t>(images.count()));
    for (std::uint8_t& one : hidden) one = (random() >> 32U) < threshold ? 1 : 0;
    const Images batch = images.pick(chosen).shifted(random);
    model.begin_step(step + 1, settings.pretrain_steps);
    model.reconstruct(batch.patches, hidden, tape, guess);
    const double error = hidden_error(guess, batch.patches, hidden, grad);
    model.reconstruct_backward(batch.patches, hidden, grad, tape);
    const double warm = std::min(1.0, (step + 1) / 50.0);
    optimizer.step(trained, warm * 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    report({.step = step + 1, .loss = error});
  }
  pst::io::save_tensors(checkpoint, model.save());
}

}  // namespace digits
