// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/listed_changes.hpp"

#include <pst/any/changed.hpp>
#include <pst/core/compressed.hpp>
#include <pst/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace finetune {

namespace {

constexpr std::string_view values_name = "delta.values", places_name = "delta.places";

/// Numbers and their places, in ascending order.
struct Changes {
  std::vector<float> values;
  std::vector<std::uint32_t> places;
};
Changes read_changes(const pst::TensorList& state, const std::string& owner, pst::Shape shape) {
  Changes read{pst::find(state, values_name).values<float>(), pst::find(state, places_name).values<std::uint32_t>()};
  const auto& [values, places] = read;
  pst::require(values.size() == places.size(), owner, ": has ", values.size(), " numbers to add and ", places.size(),
               " places, expected one for each");
  for (std::size_t i = 0; i < places.size(); ++i) {
    pst::require(static_cast<index_t>(places[i]) < shape.size() && (i == 0 || places[i - 1] < places[i]), owner,
                 ": the place ", places[i], " is not in order, or beyond a weight of ", shape.out, " x ", shape.in);
    pst::require(std::isfinite(values[i]), owner, ": adds ", values[i], ", expected finite numbers");
  }
  return read;
}

}  // namespace

pst::TensorList listed_changes(const pst::TensorList& state, pst::Shape shape) {
  pst::require(shape.size() <= std::numeric_limits<std::uint32_t>::max(), "a weight of ", shape.out, " x ", shape.in,
               " has more places than 32 bits can count");
  // The order of the layer's own numbers is that of its kernels: D on zeros is in the order of places.
  const Matrix zeros = Matrix::Zero(shape.out, shape.in);
  Matrix change(shape.out, shape.in);
  pst::TensorList own = state;
  std::erase_if(own, [](const pst::Tensor& tensor) { return tensor.name == "bias"; });
  pst::restore_changes<float>("", shape, own, transformer::view(zeros), {}).export_masked(transformer::view(change));
  const pst::Places at = pst::places_of(state, shape);
  std::vector<float> values;
  std::vector<std::uint32_t> places;
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c)
      if (at.mask()(r, c)) {
        values.push_back(change(r, c));
        places.push_back(static_cast<std::uint32_t>(r * shape.in + c));
      }
  pst::TensorList list;
  for (const pst::Tensor& tensor : state)
    if (tensor.name != "delta.kept" && tensor.name != "places" && tensor.name != "shape") list.push_back(tensor);
  if (values.empty()) return list;
  const std::vector<index_t> sides{1, static_cast<index_t>(values.size())};
  list.push_back(pst::Tensor::from<float>(std::string{values_name}, sides, values));
  list.push_back(pst::Tensor::from<std::uint32_t>(std::string{places_name}, sides, places));
  return list;
}

bool is_of_listed_changes(std::string_view name) { return name == values_name || name == places_name; }

bool has_listed_changes(const pst::TensorList& state) {
  return std::ranges::any_of(state, [](const pst::Tensor& tensor) { return is_of_listed_changes(tensor.name); });
}

void add_listed_changes(const pst::TensorList& state, const std::string& owner, Matrix& weight) {
  const auto [values, places] = read_changes(state, owner, {.in = weight.cols(), .out = weight.rows()});
  for (std::size_t i = 0; i < places.size(); ++i) weight.data()[places[i]] += values[i];
}

pst::TensorList state_of_changes(const pst::TensorList& state, const std::string& owner, pst::Shape shape) {
  constexpr index_t panel = pst::CompressedView<float, pst::HostSpace>::panel_cols;
  const auto [values, places] = read_changes(state, owner, shape);
  const index_t words = pst::MaskView<pst::mask_word>::words_for(shape.in);
  std::vector<pst::mask_word> mask(static_cast<std::size_t>(shape.out * words));
  struct Number {
    index_t panel;
    float value;
  };
  std::vector<Number> numbers;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const index_t row = places[i] / shape.in, col = places[i] % shape.in;
    constexpr index_t bits = pst::MaskView<pst::mask_word>::bits;
    mask[static_cast<std::size_t>(row * words + col / bits)] |= pst::mask_word{1} << (col % bits);
    numbers.push_back({col / panel, values[i]});
  }
  std::ranges::stable_sort(numbers, {}, &Number::panel);  // a layer has its numbers panel by panel, and there by rows
  std::vector<float> kept;
  for (const Number& each : numbers) kept.push_back(each.value);
  const std::vector<std::int64_t> sides{shape.out, shape.in};
  pst::TensorList list{pst::Tensor::from<pst::mask_word>("places", {shape.out, words}, mask),
                       pst::Tensor::from<std::int64_t>("shape", {2}, sides)};
  if (!kept.empty()) list.push_back(pst::Tensor::from<float>("delta.kept", {1, std::ssize(kept)}, kept));
  return list;
}

}  // namespace finetune
