// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pst/concepts/backend.hpp"
#include "pst/concepts/scalar.hpp"
#include "pst/core/checks.hpp"
#include "pst/core/compressed.hpp"
#include "pst/serve/sparse_export.hpp"
#include "pst/serve/sparse_matrix_source.hpp"

namespace pst::PST_ABI {

/// A sparse weight to serve: y = x W^T + b with the numbers of W that are not zero, and nothing of training.
///
///     const pst::SparseMatrix<> weight{layer.export_csr()};
///     weight.product(x, y, bias);  // any number of tokens, one too
///
/// `Value` is what the weights are stored as. Arithmetic is that of `Scalar`. A number is rounded once, to nearest with
/// ties to even: by at most 2^-8 of its magnitude as BFloat16 and 2^-11 as Half, where below 2^-14 steps are 2^-24 and
/// what rounds to zero is dropped. 10 % of a weight take about 0.62 bytes for each weight of it as float, 0.42 in 16
/// bits.
///
/// A pruned weight is not multiplied: Inf or NaN in x stay out of outputs that keep no weight there. Results have the
/// same bits for any number of threads; those of one token may differ in rounding with the number of tokens beside it.
///
/// Several threads may call `product` of one object at the same time; make it with `EigenCpu{1}` then. Otherwise it
/// uses the threads of the backend where there is enough work; they serve one of these threads at a time.
/// @ingroup serve
template <FloatOrDouble Scalar = float, StoredNumber Value = Scalar, class Backend = EigenCpu>
requires BackendIsIncluded<Backend> && PlaysRole<Backend, roles::backend> && MultipliesStored<Backend, Scalar, Value>
class SparseMatrix {
 public:
  using scalar = Scalar;
  using backend = Backend;
  using ConstView = ViewOn<Backend, const Scalar>;
  using MutableView = ViewOn<Backend, Scalar>;

  /// From a dense matrix, out x in, of float, double, BFloat16 or Half; zeros are dropped. `name` stands in errors.
  /// Throws Error on NaN, on Inf, and on numbers that are too large for `Value`.
  template <class T>
  explicit SparseMatrix(MatrixView<T> dense, std::string name = {}, Backend on = {})
      : SparseMatrix{Stored{}, dense, std::move(name), std::move(on)} {}
  /// From compressed sparse rows, which may come from anywhere: throws Error as well when they are not well formed.
  template <class T>
  explicit SparseMatrix(const CsrMatrix<T>& csr, std::string name = {}, Backend on = {})
      : SparseMatrix{Stored{}, csr, std::move(name), std::move(on)} {}
  /// From a bit mask and values, in the same way.
  template <class T>
  explicit SparseMatrix(const BitmaskMatrix<T>& packed, std::string name = {}, Backend on = {})
      : SparseMatrix{Stored{}, packed, std::move(name), std::move(on)} {}

  /// y = x W^T + b: x is n x in, y is n x out and does not overlap x, the bias is 1 x out, or absent. Allocates
  /// nothing.
  void product(ConstView x, MutableView y, ConstView bias = {}) const {
    detail::check_matrix(label_, "x", x, x.rows, shape_.in);
    detail::check_matrix(label_, "y", y, x.rows, shape_.out);
    if (bias.data != nullptr) detail::check_matrix(label_, "the bias", bias, 1, shape_.out);
    detail::refuse_overlap(label_, "y", y, "x", x);
    if (bias.data != nullptr) detail::refuse_overlap(label_, "y", y, "the bias", bias);
    on_.compressed_product(view(), x, bias.data == nullptr ? ConstView{} : bias, y);
  }

  [[nodiscard]] Shape shape() const noexcept { return shape_; }
  /// How many numbers are not zero.
  [[nodiscard]] index_t kept() const noexcept { return static_cast<index_t>(column_.size()); }
  [[nodiscard]] double density() const noexcept {
    return static_cast<double>(kept()) / static_cast<double>(shape_.size());
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return start_.size() * sizeof(std::uint32_t) + column_.size() * (sizeof(std::uint16_t) + sizeof(Value));
  }
  /// Writes W, as it is stored, to host memory.
  void to_dense(MatrixView<Scalar> out) const {
    detail::check_matrix(label_, "the dense weight", out, shape_.out, shape_.in);
    const std::vector<std::uint32_t> start = on_host(start_);
    const std::vector<std::uint16_t> column = on_host(column_);
    const std::vector<Value> value = on_host(value_);
    const CompressedView<const Value, HostSpace, std::uint16_t> from{shape_.out, shape_.in, start.data(), column.data(),
                                                                     value.data()};
    for (index_t r = 0; r < out.rows; ++r) {
      for (index_t c = 0; c < out.cols; ++c) out(r, c) = Scalar{0};
      for (index_t panel = 0; panel < from.panels(); ++panel)
        for (auto k = from.row_start(panel, r)[0]; k < from.row_start(panel, r)[from.segments]; ++k)
          out(r, panel * from.panel_cols + from.column[k]) = static_cast<Scalar>(from.value[k]);
    }
  }

 private:
  struct Stored {};
  template <class T>
  using Buffer = typename Backend::template buffer<T>;

  template <class Source>
  SparseMatrix(Stored, const Source& source, std::string name, Backend on)
      : label_{name.empty() ? "sparse matrix" : "sparse matrix " + std::move(name)}, on_{std::move(on)} {
    const detail::StoredWeight<Value> weight = detail::store<Value>(label_, source);
    shape_ = weight.shape;
    start_ = on_backend(weight.start);
    column_ = on_backend(weight.column);
    value_ = on_backend(weight.value);
  }
  template <class T>
  [[nodiscard]] Buffer<T> on_backend(const std::vector<T>& host) {
    Buffer<T> out(host.size());
    const auto size = static_cast<index_t>(host.size());
    on_.copy_in(MatrixView<const T>{host.data(), 1, size}, ViewOn<Backend, T>{out.data(), 1, size});
    return out;
  }
  template <class B>
  [[nodiscard]] auto on_host(const B& buffer) const {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(buffer.data())>>;
    std::vector<T> out(buffer.size());
    const auto size = static_cast<index_t>(buffer.size());
    on_.copy_out(ViewOn<Backend, const T>{buffer.data(), 1, size}, MatrixView<T>{out.data(), 1, size});
    return out;
  }
  [[nodiscard]] CompressedView<const Value, typename Backend::space, std::uint16_t> view() const {
    return {shape_.out, shape_.in, start_.data(), column_.data(), value_.data()};
  }

  std::string label_;
  mutable Backend on_;  // its verbs are not const; those used here change nothing but their outputs
  Shape shape_;
  Buffer<std::uint32_t> start_;
  Buffer<std::uint16_t> column_;
  Buffer<Value> value_;
};

}  // namespace pst::PST_ABI
