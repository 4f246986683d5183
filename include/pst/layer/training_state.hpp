// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/checks.hpp"
#include "pst/core/error.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/tensor.hpp"

/// Parameters as named tensors: what `save` writes and `restore` reads.
namespace pst::PST_ABI::detail {

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

/// Checks that a tensor holds running means of squares.
template <class T, class Space>
void check_statistic(const Tensor& tensor, const std::string& owner, MatrixView<T, Space> view) {
  check_tensor(tensor, owner, view);
  for (T value : tensor.values<T>())
    require(value >= 0, owner, ": tensor ", tensor.name, " holds ", value, ", expected squares");
}

/// Checks that a tensor holds the words of a mask of `cols` columns: no bit is set beyond them.
template <class Space>
void check_mask(const Tensor& tensor, const std::string& owner, MatrixView<mask_word, Space> words, index_t cols) {
  check_tensor(tensor, owner, words);
  refuse_bits_beyond(owner, "tensor " + tensor.name, tensor.values<mask_word>(), words.cols, cols);
}

/// The one number of a tensor, which is at least `least` and below `end`.
template <class T>
[[nodiscard]] T number_of(const TensorList& state, const char* name, const std::string& owner, T least,
                          T end = std::numeric_limits<T>::max()) {
  const std::vector<T> values = find(state, name).template values<T>();
  require(values.size() == 1 && values[0] >= least && values[0] < end, owner, ": tensor ", name,
          " does not fit, expected one number, at least ", least, " and below ", end);
  return values[0];
}

/// Copies a tensor that was checked into a matrix on backend `on`.
template <class B, class T>
void put_tensor(B& on, const Tensor& tensor, MatrixView<T, typename B::space> view) {
  const std::vector<T> host = tensor.values<T>();
  on.copy_in(MatrixView<const T>{host.data(), view.rows, view.cols}, view);
}

/// The values of all parameters of a layer.
template <class Layer, class B>
[[nodiscard]] TensorList parameters_to_tensors(Layer& layer, B& on) {
  TensorList list;
  layer.for_each_parameter([&](const auto& parameter) {
    list.push_back(to_tensor(on, name_in_layer(layer.options().name, parameter.name), parameter.value));
  });
  return list;
}
/// Checks that a state has what the parameters of a layer need, and besides them nothing but `others`.
template <class Layer>
void check_parameters_of(Layer& layer, const std::string& owner, const TensorList& state,
                         std::vector<std::string> others) {
  std::vector<std::string>& known = others;
  layer.for_each_parameter([&](const auto& parameter) {
    known.push_back(name_in_layer(layer.options().name, parameter.name));
    check_tensor(find(state, known.back()), owner, parameter.value);
  });
  for (const Tensor& tensor : state) {
    const auto same =
        std::count_if(state.begin(), state.end(), [&](const Tensor& one) { return one.name == tensor.name; });
    require(std::find(known.begin(), known.end(), tensor.name) != known.end(), owner, ": tensor ", tensor.name,
            " is nothing that this layer knows; was it saved by a layer with other policies?");
    require(same == 1, owner, ": tensor ", tensor.name, " is there ", same, " times, expected once");
  }
}
/// Puts the tensors of a state that was checked into the parameters of a layer.
template <class Layer, class B>
void put_parameters(Layer& layer, B& on, const TensorList& state) {
  layer.for_each_parameter([&](const auto& parameter) {
    put_tensor(on, find(state, name_in_layer(layer.options().name, parameter.name)), parameter.value);
  });
}

}  // namespace pst::PST_ABI::detail
