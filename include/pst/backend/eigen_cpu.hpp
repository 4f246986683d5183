// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include <Eigen/Core>
#include <algorithm>
#include <exception>

#include "pst/backend/eigen_cpu/gemm.hpp"
#include "pst/backend/eigen_cpu/spmm.hpp"
#include "pst/backend/reference.hpp"

namespace pst {

/// The CPU, fast: register tiles of fixed-size Eigen arrays, and parts of the rows on OpenMP threads where the compiler
/// was told to use OpenMP. Verbs that have no faster form here are those of Reference.
///
/// All results have the same bits for any number of threads and any alignment. Inside an OpenMP region of the engine
/// a layer runs on the calling thread.
/// @ingroup backend
struct EigenCpu : Reference {
  /// As many threads as OpenMP offers now.
  EigenCpu() = default;
  explicit EigenCpu(int threads) : threads_{std::max(threads, 1)} {}

  /// Lanes of one block of tokens, in and out, for each thread.
  template <class Scalar>
  class workspace {
   public:
    workspace(EigenCpu& on, const LayerLayout& layout)
        : per_slot_{(layout.shape.in + layout.shape.out) * eigen_cpu::block_tokens<Scalar>},
          memory_(static_cast<std::size_t>(on.slots() * per_slot_)) {}
    [[nodiscard]] Scalar* of(index_t slot) noexcept { return memory_.data() + slot * per_slot_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return memory_.size() * sizeof(Scalar); }

   private:
    index_t per_slot_;
    HostBuffer<Scalar> memory_;
  };

  [[nodiscard]] int threads() const noexcept { return threads_; }
  [[nodiscard]] index_t slots() const noexcept { return threads_; }
  /// At most 16 parts, of at least 8 rows and 4096 weights; blocks of 24 to 96 rows, a megabyte each where that can be.
  [[nodiscard]] RowPlan plan(Shape shape, index_t row_multiple) const noexcept {
    constexpr index_t most_parts = 16, least_rows = 8, least_weights = 4096, block_weights = index_t{1} << 18;
    const index_t parts =
        std::clamp<index_t>(std::min(shape.out / least_rows, shape.size() / least_weights), 1, most_parts);
    const index_t block = std::clamp<index_t>(block_weights / shape.in / 12 * 12, 24, 96);
    return RowPlan::cut(shape.out, parts, block, row_multiple);
  }
  template <class F>
  void for_each_part(index_t count, F&& f) {
#ifdef _OPENMP
    if (threads_ > 1 && count > 1 && !omp_in_parallel()) {
      std::exception_ptr failure;
#pragma omp parallel num_threads(threads_)
      {
        const index_t slot = omp_get_thread_num();
#pragma omp for schedule(dynamic, 1)
        for (index_t part = 0; part < count; ++part) {
          try {
            f(part, slot);
          } catch (...) {  // must not leave the region
#pragma omp critical(pst_failure)
            failure = std::current_exception();
          }
        }
      }
      if (failure) std::rethrow_exception(failure);
      return;
    }
#endif
    for (index_t part = 0; part < count; ++part) f(part, index_t{0});
  }

  template <class T>
  void gemm(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    eigen_cpu::multiply_add<T>(out.rows, out.cols, a.cols, static_cast<T>(alpha), plain<T>(a), plain<T>(b), out.data,
                               out.row_stride);
  }
  template <class T>
  void gemm_nt(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    eigen_cpu::multiply_add<T>(out.rows, out.cols, a.cols, static_cast<T>(alpha), plain<T>(a), plain<T>(b).transposed(),
                               out.data, out.row_stride);
  }
  template <class T>
  void gemm_tn(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    eigen_cpu::multiply_add<T>(out.rows, out.cols, a.rows, static_cast<T>(alpha), plain<T>(a).transposed(), plain<T>(b),
                               out.data, out.row_stride);
  }
  template <class T>
  void row_sums(double alpha, Const<T> in, MatrixView<T> out) {
    using Packet = typename eigen_cpu::Tile<T>::Packet;
    constexpr index_t step = eigen_cpu::Tile<T>::packet;
    for (index_t r = 0; r < in.rows; ++r) {
      Packet lanes = Packet::Zero();
      index_t c = 0;
      for (; c + step <= in.cols; c += step) lanes += Eigen::Map<const Packet>(in.row(r) + c);
      T sum{0};
      for (index_t lane = 0; lane < step; ++lane) sum += lanes[lane];
      for (; c < in.cols; ++c) sum += in(r, c);
      out(r, 0) += static_cast<T>(alpha) * sum;
    }
  }
  template <class T>
  void column_sums(double alpha, Const<T> in, MatrixView<T> out) {
    const T scale = static_cast<T>(alpha);
    for (index_t r = 0; r < in.rows; ++r)
      for (index_t c = 0; c < in.cols; ++c) out(0, c) += scale * in(r, c);
  }

  template <class T>
  void compressed_forward(CompressedView<T, HostSpace> weight, Const<T> x, Const<T> bias,
                          MatrixView<std::type_identity_t<T>> y, workspace<T>& memory) {
    constexpr int full = eigen_cpu::block_tokens<T>, few = full / 4;
    if (x.rows <= few)
      forward_in_blocks<few>(weight, x, bias, y, memory);
    else
      forward_in_blocks<full>(weight, x, bias, y, memory);
  }
  template <class T>
  void compressed_backward(CompressedView<T, HostSpace> weight, Const<T> grad_y,
                           MatrixView<std::type_identity_t<T>> grad_x, workspace<T>& memory) {
    constexpr int full = eigen_cpu::block_tokens<T>, few = full / 4;
    if (grad_y.rows <= few)
      backward_in_blocks<few>(weight, grad_y, grad_x, memory);
    else
      backward_in_blocks<full>(weight, grad_y, grad_x, memory);
  }

 private:
  int threads_ = available_threads();

  [[nodiscard]] static int available_threads() noexcept {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
  }
  template <class T>
  [[nodiscard]] static eigen_cpu::Operand<T> plain(MatrixView<const T> view) noexcept {
    return {view.data, view.row_stride, 1};
  }
  /// Blocks of tokens at the same time; when they are few, the outputs are cut too.
  template <int tokens, class T>
  void forward_in_blocks(CompressedView<T, HostSpace> weight, MatrixView<const T> x, MatrixView<const T> bias,
                         MatrixView<T> y, workspace<T>& memory) {
    const index_t blocks = (x.rows + tokens - 1) / tokens, cuts = blocks >= 4 ? 1 : 4;
    const index_t per_cut = (weight.rows + cuts - 1) / cuts;
    for_each_part(blocks * cuts, [&](index_t part, index_t slot) {
      const index_t token = part / cuts * tokens, rows = std::min<index_t>(tokens, x.rows - token);
      const index_t first = part % cuts * per_cut, count = std::min(per_cut, weight.rows - first);
      if (count <= 0) return;
      T* const x_lanes = memory.of(slot);
      T* const y_lanes = x_lanes + x.cols * tokens;
      eigen_cpu::to_lanes<tokens>(x.middle_rows(token, rows), x_lanes);
      eigen_cpu::forward_block<tokens>(weight, first, count, x_lanes, bias, y_lanes);
      eigen_cpu::from_lanes<tokens>(y_lanes, y.middle_rows(token, rows).middle_cols(first, count));
    });
  }
  template <int tokens, class T>
  void backward_in_blocks(CompressedView<T, HostSpace> weight, MatrixView<const T> grad_y, MatrixView<T> grad_x,
                          workspace<T>& memory) {
    for_each_part((grad_y.rows + tokens - 1) / tokens, [&](index_t part, index_t slot) {
      const index_t token = part * tokens, rows = std::min<index_t>(tokens, grad_y.rows - token);
      T* const x_lanes = memory.of(slot);
      T* const y_lanes = x_lanes + weight.cols * tokens;
      eigen_cpu::to_lanes<tokens>(grad_y.middle_rows(token, rows), y_lanes);
      std::fill_n(x_lanes, weight.cols * tokens, T{0});
      eigen_cpu::backward_block<tokens>(weight, y_lanes, x_lanes);
      eigen_cpu::from_lanes<tokens>(x_lanes, grad_x.middle_rows(token, rows));
    });
  }
};
static_assert(BackendFor<EigenCpu, float> && BackendFor<EigenCpu, double>);

}  // namespace pst
