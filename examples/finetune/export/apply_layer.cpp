// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/apply_layer.hpp"

#include <pst/any/kept.hpp>
#include <pst/any/linear.hpp>
#include <pst/core/error.hpp>

#include <algorithm>
#include <iterator>

namespace finetune {

namespace {

/// Whether the layer that applies an update knows a tensor: scores and biases are left out.
bool is_read(std::string_view name) {
  constexpr std::string_view names[] = {"delta.U", "delta.V", "mask", "shape", "sparsity"};
  return std::ranges::find(names, name) != std::end(names);
}

bool has(const pst::TensorList& list, std::string_view name) {
  return std::ranges::any_of(list, [name](const pst::Tensor& tensor) { return tensor.name == name; });
}

/// The rank of an update, once both factors fit the weight: a rank is not allocated before the file has shown it.
index_t checked_rank(const pst::TensorList& state, const std::string& layer, pst::Shape shape) {
  const pst::Tensor &left = pst::find(state, "delta.U"), &right = pst::find(state, "delta.V");
  const bool fits = left.shape.size() == 2 && right.shape.size() == 2 && left.shape[0] == shape.out &&
                    right.shape[1] == shape.in && left.shape[1] == right.shape[0] && right.shape[0] > 0;
  pst::require(fits, "layer ", layer, ": delta.U and delta.V do not fit, expected ", shape.out, " x rank and rank x ",
               shape.in);
  return left.shape[1];
}

}  // namespace

void apply_layer(Layer& layer, const pst::TensorList& state, double scale) {
  Matrix& weight = layer.weight;
  const pst::Shape shape{.in = weight.cols(), .out = weight.rows()};
  if (pst::is_of_kept(state)) {
    pst::restore_kept<float>(layer.name, shape, state, {}).export_masked(transformer::view(weight));
    return;
  }
  pst::TensorList all;
  for (const pst::Tensor& tensor : state)
    if (is_read(tensor.name)) all.push_back(tensor);
  if (!has(state, "delta.U") && !has(state, "delta.V")) {
    const std::vector<float> zeros(static_cast<std::size_t>(std::max(shape.in, shape.out)), 0.0F);
    const std::span some{zeros};
    all.push_back(pst::Tensor::from<float>("delta.U", {shape.out, 1}, some.first(static_cast<std::size_t>(shape.out))));
    all.push_back(pst::Tensor::from<float>("delta.V", {1, shape.in}, some.first(static_cast<std::size_t>(shape.in))));
  }
  const index_t rank = checked_rank(all, layer.name, shape);
  // Updates and mask as every method has them; where they came from makes no difference any more.
  auto sparse = pst::make_linear({.method = "lora", .name = layer.name, .delta_rank = rank, .beta = scale}, shape);
  sparse.attach(transformer::view(std::as_const(weight)));
  sparse.restore(all);
  Matrix masked(shape.out, shape.in);
  sparse.export_masked(transformer::view(masked));
  weight = masked;
}

}  // namespace finetune
