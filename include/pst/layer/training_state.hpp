// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "pst/concepts/importance.hpp"
#include "pst/core/checks.hpp"
#include "pst/core/error.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/tensor.hpp"

/// What training has changed, as named tensors: what `save` writes and `restore` reads.
namespace pst::PST_ABI::detail {

/// Whether a layer shows what its scores have measured.
template <class Layer>
concept HasStatistics = requires(Layer& layer) {
  layer.for_each_statistic(StatisticVisitor<typename Layer::backend, typename Layer::scalar>{});
};

/// The name of a parameter without that of its layer.
[[nodiscard]] inline std::string name_in_layer(std::string_view layer, std::string_view parameter) {
  return std::string{layer.empty() ? parameter : parameter.substr(layer.size() + 1)};
}

/// The values of a matrix on backend `on`, as a tensor.
template <class B, class Scalar>
[[nodiscard]] Tensor to_tensor(B& on, std::string name, ViewOn<B, Scalar> view) {
  using T = std::remove_const_t<Scalar>;
  std::vector<T> host(static_cast<std::size_t>(view.size()));
  on.copy_out(ViewOn<B, const T>{view}, MatrixView<T>{host.data(), view.rows, view.cols});
  return Tensor::from<T>(std::move(name), {view.rows, view.cols}, host);
}

/// Checks that a tensor can be put into `view`: same shape and type, and only finite numbers.
template <class T, class Space>
void check_tensor(const Tensor& tensor, const std::string& owner, MatrixView<T, Space> view) {
  require(tensor.dtype == dtype_of<T> && tensor.shape == std::vector<index_t>{view.rows, view.cols}, owner, ": tensor ",
          tensor.name, " does not fit, expected ", view.rows, " x ", view.cols, " numbers of ", sizeof(T), " bytes");
  if constexpr (std::is_floating_point_v<T>)
    for (T value : tensor.values<T>())
      require(std::isfinite(value), owner, ": tensor ", tensor.name, " holds ", value, ", expected finite numbers");
}

/// Checks that a tensor holds the words of a mask of `cols` columns: no bit is set beyond them.
template <class Space>
void check_mask(const Tensor& tensor, const std::string& owner, MatrixView<mask_word, Space> words, index_t cols) {
  check_tensor(tensor, owner, words);
  refuse_bits_beyond(owner, "tensor " + tensor.name, tensor.values<mask_word>(), words.cols, cols);
}

/// The tensor of a layer's state that is called `name`.
[[nodiscard]] inline const Tensor& tensor_of(const TensorList& state, std::string_view name, const std::string& owner) {
  for (const Tensor& tensor : state)
    if (tensor.name == name) return tensor;
  fail(owner, ": the state has no tensor ", name, " among its ", state.size(),
       " tensors; was it saved by a layer with other policies, or by one whose kept weights or changes train?");
}

/// The one number of a tensor, which is at least `least` and below `end`.
template <class T>
[[nodiscard]] T number_of(const TensorList& state, const char* name, const std::string& owner, T least,
                          T end = std::numeric_limits<T>::max()) {
  const std::vector<T> values = tensor_of(state, name, owner).template values<T>();
  require(values.size() == 1 && values[0] >= least && values[0] < end, owner, ": tensor ", name,
          " does not fit, expected one number, at least ", least, " and below ", end);
  return values[0];
}

/// The shape of a layer, which a state has beside the numbers.
[[nodiscard]] inline Tensor shape_tensor(Shape shape) {
  return Tensor::from<std::int64_t>("shape", {2}, std::vector<std::int64_t>{shape.out, shape.in});
}
/// Throws unless a state is one of a layer of `shape`.
inline void check_shape(const TensorList& state, const std::string& owner, Shape shape) {
  require(tensor_of(state, "shape", owner).values<std::int64_t>() == std::vector<std::int64_t>{shape.out, shape.in},
          owner, ": tensor shape is not that of this layer, ", shape.out, " x ", shape.in);
}

/// Copies a tensor that was checked into a matrix on backend `on`.
template <class B, class T>
void put_tensor(B& on, const Tensor& tensor, MatrixView<T, typename B::space> view) {
  const std::vector<T> host = tensor.values<T>();
  on.copy_in(MatrixView<const T>{host.data(), view.rows, view.cols}, view);
}

/// Calls `f(name, view)` with all numbers that training has changed: parameters, by their names without that of the
/// layer, and what scores have measured.
template <class Layer>
void for_each_saved(Layer& layer, auto&& f) {
  layer.for_each_parameter(
      [&](const auto& parameter) { f(name_in_layer(layer.options().name, parameter.name), parameter.value); });
  if constexpr (HasStatistics<Layer>)
    layer.for_each_statistic([&](std::string_view name, auto view) { f(std::string{name}, view); });
}

/// All numbers that training has changed.
template <class Layer, class B>
[[nodiscard]] TensorList numbers_to_tensors(Layer& layer, B& on) {
  TensorList list;
  for_each_saved(layer, [&](std::string name, auto view) { list.push_back(to_tensor(on, std::move(name), view)); });
  return list;
}
/// Checks that a state has the numbers that a layer needs, and besides them nothing but `others`.
template <class Layer>
void check_numbers_of(Layer& layer, const std::string& owner, const TensorList& state,
                      std::initializer_list<std::string_view> others) {
  std::vector<std::string> known(others.begin(), others.end());
  for_each_saved(layer, [&](const std::string& name, auto view) {
    known.push_back(name);
    check_tensor(tensor_of(state, name, owner), owner, view);
  });
  if constexpr (HasStatistics<Layer>)
    layer.for_each_statistic([&]<class T, class Space>(std::string_view name, MatrixView<T, Space>) {
      for (const T value : tensor_of(state, name, owner).template values<T>())
        require(value >= 0, owner, ": tensor ", name, " holds ", value, ", expected squares");
    });
  for (const Tensor& tensor : state) {
    const auto same =
        std::count_if(state.begin(), state.end(), [&](const Tensor& one) { return one.name == tensor.name; });
    require(std::find(known.begin(), known.end(), tensor.name) != known.end(), owner, ": tensor ", tensor.name,
            " is nothing that this layer knows; was it saved by a layer with other policies?");
    require(same == 1, owner, ": tensor ", tensor.name, " is there ", same, " times, expected once");
  }
}
/// Puts the tensors of a state that was checked into a layer.
template <class Layer, class B>
void put_numbers(Layer& layer, B& on, const TensorList& state) {
  for_each_saved(layer, [&](const std::string& name, auto view) { put_tensor(on, find(state, name), view); });
}

}  // namespace pst::PST_ABI::detail
