// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/safetensors.hpp>

#include <cstdint>
#include <string>

#include "golden/measure.hpp"

/// One step of one layer, compared with a golden of kind "layer".
namespace golden {

/// A PST layer whose ranks come from a file.
template <class Backend, class Scalar>
using PstLayer = typename pst::SparseLinear<>::with<pst::DynamicRank>::with<pst::ConstantSchedule>::with<
    pst::TrainedBias>::with<Scalar>::template with<Backend>;

inline double number(const pst::io::Safetensors& file, const std::string& key) {
  return std::stod(file.metadata().at(key));
}
inline pst::index_t side(const pst::io::Safetensors& file, const std::string& tensor, std::size_t which) {
  return file.at(tensor).shape.at(which);
}

/// Hyper-parameters as the metadata says them.
template <class Layer>
typename Layer::Options options_of(const pst::io::Safetensors& file, const std::string& prefix) {
  typename Layer::Options options;
  const auto number_or_one = [&](const char* key) { return file.metadata().contains(key) ? number(file, key) : 1.0; };
  options.delta.scale = number_or_one("beta");
  options.delta.rank.value = side(file, prefix + "U", 1);
  auto& low_rank = options.importance.template term<pst::LowRankScore<pst::DynamicRank>>();
  low_rank.scale = number_or_one("alpha1");
  low_rank.rank.value = side(file, prefix + "A", 1);
  options.importance.template term<pst::RowColumnScore>().scale = number_or_one("alpha2");
  return options;
}

/// Calls `f(letter, parameter)` for U, V, A, B, R and C.
template <class Layer>
void for_each_factor(Layer& layer, auto&& f) {
  layer.for_each_parameter([&](auto parameter) {
    if (parameter.name != "bias") f(std::string{parameter.name.substr(parameter.name.rfind('.') + 1)}, parameter);
  });
}

/// Fills the factors from tensors `prefix`U, `prefix`V, ...
template <class Layer>
void set_factors(Layer& layer, const pst::io::Safetensors& file, const std::string& prefix) {
  for_each_factor(layer, [&](const std::string& letter, auto parameter) {
    const auto values = file.read<typename Layer::scalar>(prefix + letter);
    pst::require(static_cast<pst::index_t>(values.size()) == parameter.value.size(), prefix, letter, " has ",
                 values.size(), " elements, the layer expects ", parameter.value.size());
    std::ranges::copy(values, parameter.value.data);
  });
}

/// Compares the mask, and finds how far from the threshold the scores of differing entries are.
template <class Layer>
void compare_mask(Layer& layer, std::span<const std::uint8_t> mask, std::span<const float> scores, Outcome& outcome) {
  float threshold = -HUGE_VALF;
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i] == 0) threshold = std::max(threshold, scores.empty() ? 0.0F : scores[i]);
  for (pst::index_t r = 0, i = 0; r < layer.shape().out; ++r)
    for (pst::index_t c = 0; c < layer.shape().in; ++c, ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (layer.mask()(r, c) == (mask[at] != 0)) continue;
      ++outcome.mask_differs;
      outcome.widest_swap = std::max(outcome.widest_swap,
                                     scores.empty() ? HUGE_VAL : std::abs(static_cast<double>(scores[at] - threshold)));
    }
}

template <class Backend, class Scalar>
Outcome check_layer(const pst::io::Safetensors& file) {
  using Layer = PstLayer<Backend, Scalar>;
  const pst::index_t out = side(file, "weight", 0), in = side(file, "weight", 1), tokens = side(file, "X", 0);
  auto options = options_of<Layer>(file, "");
  options.schedule.sparsity = number(file, "sparsity");
  Layer layer{{.in = in, .out = out}, options};

  auto bias = file.read<Scalar>("bias");
  const auto weight = file.read<Scalar>("weight"), x = file.read<Scalar>("X"), grad_y = file.read<Scalar>("dY");
  std::vector<Scalar> y(static_cast<std::size_t>(tokens * out)), grad_x(static_cast<std::size_t>(tokens * in));
  std::vector<Scalar> masked(weight.size());
  layer.attach({weight.data(), out, in}, {bias.data(), 1, out});
  set_factors(layer, file, "");
  layer.begin_step(1, 1);
  layer.forward({x.data(), tokens, in}, {y.data(), tokens, out});
  layer.backward({x.data(), tokens, in}, {grad_y.data(), tokens, out}, {grad_x.data(), tokens, in});
  layer.export_masked({masked.data(), out, in});

  Outcome outcome;
  outcome.tolerance = Tolerance<Scalar>::layer, outcome.rounding = Tolerance<Scalar>::rounding;
  const auto compare = [&](const std::string& name, std::span<const Scalar> computed) {
    const std::vector<float> stored = file.read<float>(name);
    outcome.errors.emplace_back(name, relative_error(computed, std::span{stored}));
  };
  compare("Y", y);
  compare("dX", grad_x);
  compare("masked_weight", masked);
  layer.for_each_parameter([&](auto parameter) {
    const std::string letter{parameter.name.substr(parameter.name.rfind('.') + 1)};
    compare("d" + letter, flat(parameter.grad));
  });
  compare_mask(layer, file.read<std::uint8_t>("mask"), file.read<float>("score"), outcome);
  return outcome;
}

}  // namespace golden
