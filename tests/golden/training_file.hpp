// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "golden/layer_file.hpp"

/// A whole training run with AdamW, compared with a golden of kind "training".
namespace golden {

template <class Backend, class Scalar>
Outcome check_training(const pst::io::Safetensors& file) {
  using Layer = typename PstLayer<Backend, Scalar>::template with<pst::CubicSchedule>::template with<pst::FrozenBias>;
  const pst::index_t out = side(file, "init.weight", 0), in = side(file, "init.weight", 1), tokens = side(file, "X", 0);
  auto options = options_of<Layer>(file, "init.");
  options.schedule = {.initial_sparsity = number(file, "initial_sparsity"),
                      .final_sparsity = number(file, "final_sparsity"),
                      .warmup = number(file, "warmup"),
                      .cooldown = number(file, "cooldown")};
  Layer layer{{.in = in, .out = out}, options};
  pst::AdamW<Scalar> optimizer{{.learning_rate = number(file, "lr"),
                                .beta1 = number(file, "beta1"),
                                .beta2 = number(file, "beta2"),
                                .epsilon = number(file, "eps"),
                                .weight_decay = number(file, "weight_decay")}};

  const auto weight = file.read<Scalar>("init.weight"), bias = file.read<Scalar>("init.bias");
  const auto x = file.read<Scalar>("X"), target = file.read<Scalar>("target");
  std::vector<Scalar> y(target.size()), grad_y(target.size());
  std::vector<double> loss, sparsity;
  layer.attach({weight.data(), out, in}, {bias.data(), 1, out});
  set_factors(layer, file, "init.");
  const auto steps = static_cast<int>(number(file, "steps"));
  for (int step = 1; step <= steps; ++step) {
    layer.begin_step(step, steps);
    layer.forward({x.data(), tokens, in}, {y.data(), tokens, out});
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double error = static_cast<double>(y[i]) - static_cast<double>(target[i]);
      sum += error * error;
      grad_y[i] = static_cast<Scalar>(2 * error / static_cast<double>(y.size()));
    }
    loss.push_back(sum / static_cast<double>(y.size()));
    sparsity.push_back(layer.sparsity());
    layer.backward({x.data(), tokens, in}, {grad_y.data(), tokens, out});
    optimizer.step(pst::parameters_of(layer));
  }
  layer.begin_step(1, 1);

  Outcome outcome;
  outcome.tolerance = Tolerance<Scalar>::training, outcome.rounding = Tolerance<Scalar>::rounding;
  const auto compare = [&](const std::string& name, const auto& computed, const auto& stored) {
    outcome.errors.emplace_back(name, relative_error(std::span{computed}, std::span{stored}));
  };
  compare("loss", std::as_const(loss), std::as_const(file).read<double>("loss"));
  compare("sparsity", std::as_const(sparsity), file.read<double>("sparsity"));
  for_each_factor(layer, [&](const std::string& letter, auto parameter) {
    compare("final " + letter, flat(parameter.value), file.read<float>("final." + letter));
  });
  compare_mask(layer, file.read<std::uint8_t>("final.mask"), {}, outcome);
  return outcome;
}

}  // namespace golden
