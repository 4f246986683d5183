// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/tensor.hpp"

/// Parameters as named tensors: what `save` writes and `restore` reads.
namespace pst::detail {

/// A name not yet in the list: the second "score.A" is called "score.A#2".
[[nodiscard]] inline std::string unused_name(const std::vector<std::string>& taken, std::string_view name) {
  std::string candidate{name};
  for (int n = 2; std::ranges::find(taken, candidate) != taken.end(); ++n)
    candidate = std::string{name} + "#" + std::to_string(n);
  return candidate;
}

/// Calls `visit(name, parameter)` for every parameter that `each` shows, with names that are all different.
void with_unique_names(auto&& each, auto&& visit) {
  std::vector<std::string> taken;
  each([&](auto parameter) {
    taken.push_back(unused_name(taken, parameter.name));
    visit(taken.back(), parameter);
  });
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
  const index_t used = cols - (words.cols - 1) * MaskView<mask_word>::bits;
  const mask_word unused = used == MaskView<mask_word>::bits ? 0 : ~mask_word{0} << used;
  const std::vector<mask_word> values = tensor.values<mask_word>();
  const auto per_row = static_cast<std::size_t>(words.cols);
  for (std::size_t last = per_row - 1; last < values.size(); last += per_row)
    require((values[last] & unused) == 0, owner, ": tensor ", tensor.name, " has bits set beyond column ", cols);
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

}  // namespace pst::detail
