// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "pst/any/kept.hpp"
#include "pst/any/layer_set.hpp"
#include "pst/any/linear.hpp"
#include "pst/any/shared_cpu.hpp"
#include "pst/c.h"
#include "pst/core/error.hpp"
#include "pst/core/tensor_bytes.hpp"
#include "pst/core/version.hpp"

// What stands behind the handles of c.h. A part of any/implementation.hpp.

namespace pst::PST_ABI::detail::c {

/// What `layout` and `parameter` have shown: names that are asked for as const char*.
struct Shown {
  SetLayout layout;
  std::vector<pst_place> places;
};

template <class Scalar>
inline constexpr pst_type type_of = std::is_same_v<Scalar, float> ? PST_F32 : PST_F64;

}  // namespace pst::PST_ABI::detail::c

struct pst_layer {
  /// Where the layer is: its own, or that of a set.
  std::variant<pst::AnyLinear<float>, pst::AnyLinear<double>, pst::AnyLinear<float>*, pst::AnyLinear<double>*> held;
  pst::SharedCpu on;  ///< what it computes on, alone or with the layers of its set
  std::string name;   ///< also once kept weights train
  pst::detail::c::Shown shown{};
};

struct pst_set {
  pst::SharedCpu on;
  std::variant<pst::LayerSet<float>, pst::LayerSet<double>> layers;
  std::deque<pst_layer> handles{};
  pst::detail::c::Shown shown{};
};

namespace pst::PST_ABI::detail::c {

[[nodiscard]] inline std::string& last_error() {
  thread_local std::string message;
  return message;
}
/// Keeps a message for the thread; one that there is no memory for is cut.
inline pst_status failed(pst_status status, const char* message) noexcept {
  std::string& last = last_error();
  last.assign(message, std::min(std::strlen(message), last.capacity()));
#if defined(__cpp_exceptions)
  try {
    last = message;
  } catch (...) {  // what fits is there
  }
#endif
  return status;
}
/// The status of a call that may throw. Without exceptions a refusal calls the failure handler (core/error.hpp).
template <class Call>
[[nodiscard]] pst_status status_of(Call&& call) noexcept {
#if defined(__cpp_exceptions)
  try {
    call();
    return PST_OK;
  } catch (const Error& error) {
    return failed(PST_REFUSED, error.what());
  } catch (const std::bad_alloc&) {
    return failed(PST_OUT_OF_MEMORY, "there is no memory left");
  } catch (const std::exception& error) {
    return failed(PST_FAILED, error.what());
  } catch (...) {
    return failed(PST_FAILED, "an unknown exception was thrown");
  }
#else
  call();
  return PST_OK;
#endif
}

inline void need(const void* pointer, const char* what) { require(pointer != nullptr, what, " is NULL"); }

/// What `call` gives for the AnyLinear of a handle, or `otherwise`, with a message, where that cannot be had.
template <class Value, class Layer, class Call>
[[nodiscard]] Value value_or(Value otherwise, Layer* layer, Call&& call) noexcept {
  Value value = otherwise;
  static_cast<void>(status_of([&] { value = with(layer, call); }));
  return value;
}

/// Calls `call` with the AnyLinear of a handle.
template <class Layer, class Call>
decltype(auto) with(Layer* layer, Call&& call) {
  need(layer, "the layer");
  return std::visit(
      [&](auto& held) -> decltype(auto) {
        if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(held)>>)
          return call(*held);
        else
          return call(held);
      },
      layer->held);
}
template <class Set, class Call>
decltype(auto) with_set(Set* set, Call&& call) {
  need(set, "the set");
  return std::visit(call, set->layers);
}
template <class Any>
using scalar_in = typename std::remove_cvref_t<Any>::scalar;

inline const char* name_of_type(pst_type type) {
  constexpr const char* names[] = {"PST_F32", "PST_F64", "PST_BF16", "PST_F16"};
  const auto index = static_cast<std::size_t>(type);
  return index < 4 ? names[index] : "no type";
}
/// A matrix of the caller as a view of `Scalar`.
template <class Scalar>
[[nodiscard]] MatrixView<Scalar> view_of(const pst_matrix& matrix, const char* what) {
  require(matrix.type == type_of<Scalar>, what, " is of ", name_of_type(matrix.type), ", the layer computes in ",
          name_of_type(type_of<Scalar>));
  return {static_cast<Scalar*>(matrix.data), matrix.rows, matrix.cols, matrix.row_stride};
}
template <class Scalar>
[[nodiscard]] MatrixView<const Scalar> view_of(const pst_const_matrix& matrix, const char* what) {
  require(matrix.type == type_of<Scalar>, what, " is of ", name_of_type(matrix.type), ", the layer computes in ",
          name_of_type(type_of<Scalar>));
  return {static_cast<const Scalar*>(matrix.data), matrix.rows, matrix.cols, matrix.row_stride};
}
/// A weight of the caller; numbers of 16 bits do not change.
template <class Scalar, class Matrix>
[[nodiscard]] LentWeight<Scalar> weight_of(const Matrix& matrix) {
  const auto stored = [&]<class Number>(const Number* data) {
    return LentWeight<Scalar>{MatrixView<const Number>{data, matrix.rows, matrix.cols, matrix.row_stride}};
  };
  if (matrix.type == PST_BF16) return stored(static_cast<const BFloat16*>(matrix.data));
  if (matrix.type == PST_F16) return stored(static_cast<const Half*>(matrix.data));
  return view_of<Scalar>(matrix, "the weight");
}
template <class Scalar>
[[nodiscard]] pst_matrix matrix_of(MatrixView<Scalar> view) {
  return {view.data, type_of<Scalar>, view.rows, view.cols, view.row_stride};
}
template <class Scalar>
[[nodiscard]] pst_parameter parameter_of(const Parameter<Scalar>& parameter) {
  return {parameter.name.data(), static_cast<pst_group>(parameter.group), matrix_of(parameter.value),
          matrix_of(parameter.grad)};
}

template <class Matrix>
void attach(pst_layer* layer, const Matrix& weight, const Matrix* bias) {
  with(layer, [&](auto& any) {
    using Scalar = scalar_in<decltype(any)>;
    LentBias<Scalar> lent;
    if (bias != nullptr) lent = view_of<Scalar>(*bias, "the bias");
    any.attach(weight_of<Scalar>(weight), lent);
  });
}

/// The bias of a layer of kept weights.
template <class Scalar>
[[nodiscard]] LentBias<Scalar> bias_of(const pst_matrix* bias) {
  return bias == nullptr ? LentBias<Scalar>{} : LentBias<Scalar>{view_of<Scalar>(*bias, "the bias")};
}
/// The state of a layer, alone or in that of a set.
[[nodiscard]] inline TensorList state_of_layer(const void* bytes, std::size_t size, const std::string& name) {
  need(bytes, "the state");
  TensorList state = from_bytes({static_cast<const std::byte*>(bytes), size});
  TensorList part = part_of(state, name);
  return part.empty() ? std::move(state) : std::move(part);
}
/// What scores of a layer have measured.
template <class Any>
[[nodiscard]] auto statistics_of(Any& any) {
  std::vector<std::pair<std::string_view, MatrixView<scalar_in<Any>>>> list;
  any.for_each_statistic([&](std::string_view name, auto values) { list.emplace_back(name, values); });
  return list;
}

/// Shows a layout, whose names and places live in `shown`.
inline void show(Shown& shown, SetLayout layout, pst_layout* out) {
  need(out, "the layout");
  shown.layout = std::move(layout);
  shown.places.clear();
  for (const SetEntry& entry : shown.layout.entries)
    shown.places.push_back({entry.name.c_str(), static_cast<pst_group>(entry.group), entry.rows, entry.cols,
                            entry.value_offset, entry.gradient_offset});
  *out = {shown.places.data(), shown.places.size(), shown.layout.own, shown.layout.size};
}
[[nodiscard]] inline SetLayout as_set(const ParameterLayout& layout) {
  SetLayout made{.entries = {}, .own = layout.own, .size = layout.size};
  for (const ParameterEntry& entry : layout.entries)
    made.entries.push_back({entry.name, entry.group, entry.rows, entry.cols, 0, entry.in_place ? -1 : entry.offset,
                            entry.offset, entry.in_place});
  return made;
}

/// The parameter at `index` of a layer or set.
template <class Parameters>
void show_parameter(const Parameters& parameters, std::size_t index, pst_parameter* out) {
  need(out, "the parameter");
  require(index < parameters.size(), "there is no parameter ", index, ", expected a number below ", parameters.size());
  *out = parameter_of(parameters[index]);
}

inline void show(const MaskReport& report, pst_report* out) {
  need(out, "the report");
  *out = {report.target_sparsity, report.shape.size(), report.kept,        report.dropped,
          report.regrown,         report.trainable,    report.dense_bytes, report.compressed_bytes,
          report.training_bytes,  report.scratch_bytes};
}

/// Copies bytes to a caller who may ask how many there are.
inline void hand_over(const std::vector<std::byte>& from, void* to, std::size_t* size) {
  need(size, "the size");
  require(to == nullptr || *size >= from.size(), "the state has ", from.size(), " bytes, there is room for ", *size);
  if (to != nullptr && !from.empty()) std::memcpy(to, from.data(), from.size());
  *size = from.size();
}
[[nodiscard]] inline std::span<const std::byte> bytes_of(const void* bytes, std::size_t size) {
  need(bytes, "the state");
  return {static_cast<const std::byte*>(bytes), size};
}

/// Binds a layer or a set.
template <class Scalar>
void bind(auto& layers, index_t own, index_t size, void* parameters, void* gradients, pst_holds holds) {
  layers.bind(MatrixView<Scalar>{static_cast<Scalar*>(parameters), 1, own},
              MatrixView<Scalar>{static_cast<Scalar*>(gradients), 1, size},
              holds == PST_VALUES ? BoundRun::values : BoundRun::nothing);
}

}  // namespace pst::PST_ABI::detail::c
