// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/apply_layer.hpp"

#include <pst/any/kept.hpp>
#include <pst/any/linear.hpp>
#include <pst/core/error.hpp>
#include <pst/layer/training_state.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "finetune/export/listed_changes.hpp"

namespace finetune {

namespace {

/// Whether the layer that applies an update knows a tensor: scores and biases are left out.
bool is_read(std::string_view name) {
  constexpr std::string_view names[] = {"delta.U", "delta.V", "delta.m", "mask", "shape", "sparsity"};
  return std::ranges::find(names, name) != std::end(names);
}

const pst::Tensor* find_in(const pst::TensorList& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &pst::Tensor::name);
  return found == list.end() ? nullptr : &*found;
}

/// The rank of an update, once both factors fit the weight: a rank is not allocated before the file has shown it.
index_t checked_rank(const pst::TensorList& state, const std::string& layer, pst::Shape shape) {
  const pst::Tensor *left = find_in(state, "delta.U"), *right = find_in(state, "delta.V");
  if (left == nullptr && right == nullptr) return 1;
  const bool fit = left != nullptr && right != nullptr && fits_layer(*left, shape) && fits_layer(*right, shape) &&
                   left->shape[1] == right->shape[0];
  pst::require(fit, "layer ", layer, ": delta.U and delta.V do not fit, expected ", shape.out, " x rank and rank x ",
               shape.in);
  return left->shape[1];
}

}  // namespace

bool is_of_layer(std::string_view name) {
  return is_read(name) || is_of_listed_changes(name) || name == "delta.lambda" || name == "weight" ||
         name == "weight.kept" || name == "bias" || name.starts_with("score.");
}

bool fits_layer(const pst::Tensor& tensor, pst::Shape shape) {
  const bool is_matrix = tensor.shape.size() == 2;
  const auto is_number = tensor.dtype == pst::dtype_of<float>;
  if (tensor.name == "weight") return is_number && is_matrix && tensor.shape == std::vector{shape.out, shape.in};
  if (tensor.name == "delta.U") return is_number && is_matrix && tensor.shape[0] == shape.out && tensor.shape[1] > 0;
  if (tensor.name == "delta.V") return is_number && is_matrix && tensor.shape[1] == shape.in && tensor.shape[0] > 0;
  if (tensor.name == "delta.m") return is_number && tensor.shape == std::vector<index_t>{shape.out, 1};
  if (tensor.name == "delta.lambda") return is_number && tensor.shape == std::vector<index_t>{1, 1};
  if (tensor.name == "delta.values") return is_number && is_matrix && tensor.shape[0] == 1;
  if (tensor.name == "delta.places") return tensor.dtype == pst::dtype_of<std::uint32_t> && is_matrix;
  return true;  // of the mask, which the layer that applies it looks at, and of scores
}

bool is_update(const pst::TensorList& state) {
  return std::ranges::all_of(state, [](const pst::Tensor& tensor) {
    return tensor.name == "delta.U" || tensor.name == "delta.V" || tensor.name == "bias" ||
           tensor.name.starts_with("score.");
  });
}

pst::AnyLinear<float> updated_layer(const std::string& name, pst::MatrixView<const float> weight,
                                    pst::MatrixView<const float> bias, const pst::TensorList& state, double scale,
                                    const pst::SharedCpu& on) {
  const pst::Shape shape{.in = weight.cols, .out = weight.rows};
  const index_t rank = checked_rank(state, name, shape);
  // Updates and mask as every method has them; where they came from makes no difference any more.
  const char* const method = find_in(state, "delta.m") != nullptr ? "dora" : "lora";
  auto made = pst::make_linear({.method = method, .name = name, .delta_rank = rank, .beta = scale}, shape, on);
  made.attach(weight, bias);
  made.refresh(1.0);
  pst::TensorList all = made.save();  // of what the file does not have: no update, nothing pruned
  for (pst::Tensor& tensor : all)
    if (const pst::Tensor* const own = find_in(state, tensor.name); own != nullptr && is_read(tensor.name))
      tensor = *own;
  made.restore(all);
  return made;
}

Matrix weight_of_task(const std::string& name, pst::MatrixView<const float> weight, const pst::TensorList& state,
                      double scale) {
  Matrix made = transformer::map(weight);
  if (pst::is_of_kept(state)) {
    pst::restore_kept<float>(name, {.in = weight.cols, .out = weight.rows}, state, {})
        .export_masked(transformer::view(made));
    return made;
  }
  if (has_listed_changes(state)) {
    add_listed_changes(state, "layer " + name, made);
    return made;
  }
  if (const pst::Tensor* const own = find_in(state, "weight"); own != nullptr) {
    pst::detail::check_tensor(*own, "layer " + name, transformer::view(made));
    std::ranges::copy(own->values<float>(), made.data());
  }
  const Matrix before = made;
  updated_layer(name, transformer::view(before), {}, state, scale).export_masked(transformer::view(made));
  return made;
}

void apply_layer(Layer& layer, const pst::TensorList& state, double scale) {
  const Matrix made = weight_of_task(layer.name, transformer::view(std::as_const(layer.weight)), state, scale);
  layer.weight = made;  // in its place: the layer borrows it
}

}  // namespace finetune
