// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "pst/backend/eigen_cpu/callers_threads.hpp"
#include "pst/backend/eigen_cpu/compress.hpp"
#include "pst/backend/eigen_cpu/gemm.hpp"
#include "pst/backend/eigen_cpu/hadamard.hpp"
#include "pst/backend/eigen_cpu/map.hpp"
#include "pst/backend/eigen_cpu/ranking.hpp"
#include "pst/backend/eigen_cpu/scratch.hpp"
#include "pst/backend/eigen_cpu/sddmm.hpp"
#include "pst/backend/eigen_cpu/spmm.hpp"
#include "pst/backend/eigen_cpu/terms.hpp"
#include "pst/backend/eigen_cpu/thin.hpp"
#include "pst/backend/eigen_cpu/thread_pool.hpp"
#include "pst/backend/reference.hpp"

namespace pst::PST_ABI::PST_ISA {

/// The CPU, fast: register tiles of fixed-size Eigen arrays, and parts of the work on several threads. Verbs that have
/// no faster form here are those of Reference.
///
/// All results have the same bits for any number of threads and any alignment. Layers that were made with copies of one
/// EigenCpu share its scratch memory, and are called by one thread at a time: a second one is refused with an Error.
///
/// The threads belong to the process and sleep when there is no work; the first EigenCpu that wants them starts them.
/// They serve one caller at a time: another one that comes meanwhile does its work alone, as does a caller in an OpenMP
/// region of the engine, where the compiler was told to use OpenMP. A process made by fork has none of them; an
/// EigenCpu that it makes starts its own. An engine with threads of its own for each layer gives them `EigenCpu{1}`.
/// @ingroup backend
struct EigenCpu : Reference {
  /// As many threads as the environment variable PST_NUM_THREADS says, or as there are processors for this process.
  EigenCpu() : EigenCpu{available_threads()} {}
  explicit EigenCpu(int threads) : threads_{std::max(threads, 1)} {
    using Memory = eigen_cpu::ThreadMemory;
    Memory::of_this_thread().allocate();
    const auto prepare = [] {
      Memory memory;
      memory.allocate();
      return [memory = std::move(memory)]() mutable { Memory::of_this_thread() = std::move(memory); };
    };
    if (threads_ > 1) eigen_cpu::ThreadPool::of_process().reserve(threads_, prepare);
  }
  /// With the engine's threads in place of those of the process: `loop(parts)` calls `parts(i, slot)` for every i of
  /// 0 ... parts.count() - 1, in any order, on as many threads as it likes, with a slot of 0 ... threads - 1 that no
  /// other call has at that time; it returns when all are done. With OpenMP, for instance:
  ///
  ///     pst::EigenCpu on{threads, [threads](const pst::Parts& parts) {
  ///       #pragma omp parallel for schedule(dynamic) num_threads(threads)
  ///       for (pst::index_t i = 0; i < parts.count(); ++i) parts(i, omp_get_thread_num());
  ///     }};
  ///
  /// and with threads that the engine has brought together, `std::ref` of a Team. Each thread allocates 540 KB in its
  /// first part. Results have the same bits as with the threads of the process.
  EigenCpu(int threads, std::function<void(const Parts&)> loop)
      : threads_{std::max(threads, 1)}, loop_{std::move(loop)} {
    eigen_cpu::ThreadMemory::of_this_thread().allocate();
  }

  template <class Scalar>
  using workspace = eigen_cpu::Workspace<Scalar>;

  [[nodiscard]] int threads() const noexcept { return threads_; }
  [[nodiscard]] index_t slots() const noexcept { return threads_; }
  [[nodiscard]] eigen_cpu::Scratch& scratch() noexcept { return *scratch_; }
  /// Keeps other threads out of the scratch memory while the result lives.
  [[nodiscard]] eigen_cpu::InUse use() { return scratch_->use(); }
  /// 1, 2, 4, 8 or 16 parts of at least 96 rows, if there are so many rows; tiles of at most 256 x 256, and blocks of
  /// whole rows of as many weights: three of them fit in L2.
  [[nodiscard]] WorkPlan plan(Shape shape, index_t row_multiple) const noexcept {
    constexpr index_t most_parts = 16, least_rows = 96, least_weights = 4096;
    constexpr Shape tile{.in = 256, .out = 256};
    const index_t wanted = std::min((shape.out + least_rows - 1) / least_rows, shape.size() / least_weights);
    const index_t parts =
        static_cast<index_t>(std::bit_floor(static_cast<std::size_t>(std::clamp<index_t>(wanted, 1, most_parts))));
    return WorkPlan::cut(shape, parts, std::max<index_t>(tile.size() / shape.in, 1), tile, row_multiple);
  }
  void for_each_part(index_t count, PartFunction f) {
    if (threads_ > 1 && count > 1 && on_several_threads(count, f)) return;
    for (index_t part = 0; part < count; ++part) f(part, index_t{0});
  }

  template <class T, class F, class... In>
  void map(MatrixView<T> out, F f, In... in) {
    constexpr index_t group = eigen_cpu::map_group;
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; c += group)
        eigen_cpu::map_elements(out.row(r) + c, std::min(group, out.cols - c), f, eigen_cpu::group_of(in, r, c)...);
  }
  template <class T>
  void gemm(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    if (a.cols > eigen_cpu::thin_rank) return multiply(alpha, plain<T>(a), plain<T>(b), a.cols, out);
    eigen_cpu::for_each_group_of_ranks(a.cols, [&]<int ranks>(index_t first, std::integral_constant<int, ranks>) {
      eigen_cpu::add_outer<ranks, T>(static_cast<T>(alpha), a.middle_cols(first, ranks), b.middle_rows(first, ranks),
                                     out);
    });
  }
  template <class T>
  void gemm_nt(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    if (b.rows > eigen_cpu::thin_rank) return multiply(alpha, plain<T>(a), plain<T>(b).transposed(), a.cols, out);
    eigen_cpu::for_each_group_of_ranks(b.rows, [&]<int ranks>(index_t first, std::integral_constant<int, ranks>) {
      eigen_cpu::add_row_products<ranks, T>(static_cast<T>(alpha), a, b.middle_rows(first, ranks),
                                            out.middle_cols(first, ranks));
    });
  }
  template <class T>
  void gemm_tn(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    if (a.cols > eigen_cpu::thin_rank) return multiply(alpha, plain<T>(a).transposed(), plain<T>(b), a.rows, out);
    eigen_cpu::for_each_group_of_ranks(a.cols, [&]<int ranks>(index_t first, std::integral_constant<int, ranks>) {
      eigen_cpu::add_column_products<ranks, T>(static_cast<T>(alpha), a.middle_cols(first, ranks), b,
                                               out.middle_rows(first, ranks));
    });
  }
  template <class T>
  void row_sums(double alpha, Const<T> in, MatrixView<T> out) {
    using Packet = typename eigen_cpu::RegisterTile<T>::Packet;
    constexpr index_t width = eigen_cpu::RegisterTile<T>::packet;
    for (index_t r = 0; r < in.rows; ++r) {
      Packet lanes = Packet::Zero();
      index_t c = 0;
      for (; c + width <= in.cols; c += width) lanes += Eigen::Map<const Packet>(in.row(r) + c);
      T sum = lanes.sum();
      for (; c < in.cols; ++c) sum += in(r, c);
      out(r, 0) += static_cast<T>(alpha) * sum;
    }
  }
  template <class T>
  void column_sums(double alpha, Const<T> in, MatrixView<T> out) {
    using Row = Eigen::Array<T, Eigen::Dynamic, 1>;
    Eigen::Map<Row> sums(out.data, in.cols);
    for (index_t r = 0; r < in.rows; ++r) sums += static_cast<T>(alpha) * Eigen::Map<const Row>(in.row(r), in.cols);
  }
  template <class T>
  void column_squares(double alpha, Const<T> in, MatrixView<T> out) {
    using Row = Eigen::Array<T, Eigen::Dynamic, 1>;
    Eigen::Map<Row> sums(out.data, in.cols);
    for (index_t r = 0; r < in.rows; ++r)
      sums += static_cast<T>(alpha) * Eigen::Map<const Row>(in.row(r), in.cols).square();
  }
  template <class T>
  [[nodiscard]] double squared_norm(MatrixView<T> in) {
    constexpr index_t width = 32;
    using Lanes = Eigen::Array<double, width, 1>;
    Lanes lanes = Lanes::Zero();
    double sum = 0;
    for (index_t r = 0; r < in.rows; ++r) {
      const T* const row = in.row(r);
      index_t c = 0;
      for (; c + width <= in.cols; c += width)
        lanes +=
            Eigen::Map<const Eigen::Array<std::remove_const_t<T>, width, 1>>(row + c).template cast<double>().square();
      for (; c < in.cols; ++c) sum += double{row[c]} * double{row[c]};
    }
    for (const double lane : lanes) sum += lane;  // Eigen would sum by an intrinsic that g++ 12 warns of
    return sum;
  }
  template <class T>
  void add_outer_sum(double alpha, Const<T> column, Const<T> row, MatrixView<T> out) {
    using Row = Eigen::Array<T, Eigen::Dynamic, 1>;
    const Eigen::Map<const Row> add(row.data, out.cols);
    for (index_t r = 0; r < out.rows; ++r)
      Eigen::Map<Row>(out.row(r), out.cols) += static_cast<T>(alpha) * (column(r, 0) + add);
  }

  template <class T>
  void hadamard(MatrixView<T> out) {
    for (index_t r = 0; r < out.rows; ++r) eigen_cpu::hadamard(out.row(r), out.cols);
  }
  template <class T, class... Terms>
  void sum_terms(MatrixView<T> out, const Terms&... terms) {
    if (std::max({index_t{0}, eigen_cpu::MostRanks::in(terms)...}) > eigen_cpu::swept_ranks)
      return eigen_cpu::OneByOne<T, EigenCpu>{*this, out}.sum(terms...);
    eigen_cpu::Sweep<T>::in_all([out](const auto&... swept) { eigen_cpu::sum_terms<T>(out, swept...); }, terms...);
  }
  template <class T>
  void histogram(MatrixView<T> scores, RadixDigit<KeyOf<T>> digit, MatrixView<std::int64_t> counts) {
    if (scores.size() < 4 * RadixDigit<KeyOf<T>>::bins) return Reference::histogram(scores, digit, counts);
    eigen_cpu::histogram<std::remove_const_t<T>>(scores, digit, counts);
  }
  template <class T>
  void collect(MatrixView<T> scores, KeyRange<KeyOf<T>> range, MatrixView<std::remove_const_t<T>> found,
               MatrixView<std::int64_t> counts) {
    const eigen_cpu::NumberRange<std::remove_const_t<T>> numbers{range};
    if (!numbers.decides()) return Reference::collect(scores, range, found, counts);
    eigen_cpu::collect<std::remove_const_t<T>>(scores, numbers, found, counts);
  }
  template <class T>
  index_t prune_lowest(MatrixView<T> scores, KeyOf<T> threshold, index_t ties, MaskView<mask_word> mask) {
    const auto number = number_with_key<std::remove_const_t<T>>(threshold);
    if (!is_finite(number) || order_key(number) != threshold)  // the key of no score
      return Reference::prune_lowest(scores, threshold, ties, mask);
    return eigen_cpu::prune_lowest<std::remove_const_t<T>>(scores, number, ties, mask);
  }
  template <class T>
  void prune_lowest_per_row(MatrixView<T> scores, index_t count, MaskView<mask_word> mask) {
    if (count == 0) return Reference::prune_lowest_per_row(scores, count, mask);
    eigen_cpu::RowSearch<std::remove_const_t<T>> search;
    for (index_t r = 0; r < scores.rows; ++r) {
      const MatrixView<T> row = scores.middle_rows(r, 1);
      auto lowest = search.find(row, count);
      if (!lowest) {
        const auto select = lowest_of(row, count);
        lowest = {select.threshold(), select.ties()};
      }
      search.learn(lowest->threshold);
      prune_lowest(row, lowest->threshold, lowest->ties, mask.middle_rows(r, 1));
    }
  }
  template <class T>
  void compress(Const<T> weight, MaskView<const mask_word> mask, Tile tile, CompressedView<T, HostSpace> out) {
    eigen_cpu::compress<T>(weight, mask, tile, out);
  }
  template <class T>
  void transpose_compressed(CompressedView<T, HostSpace> weight, CompressedView<T, HostSpace> out) {
    out.start[0] = 0;
    for_each_part(out.panels() * weight.panels(), [&](index_t part, index_t) {
      const index_t to = part / weight.panels(), from = part % weight.panels(), begin = to * out.panel_cols;
      std::uint32_t first = 0;
      for (index_t panel = 0; panel < weight.panels(); ++panel)  // what earlier squares hold
        first += *weight.row_start(panel, panel < from ? begin + out.cols_of(to) : begin) - *weight.row_start(panel, 0);
      eigen_cpu::transpose_square(weight, from, to, first, out);
    });
  }
  template <class T>
  void compressed_product(CompressedView<T, HostSpace> weight, Const<T> x, Const<T> bias,
                          MatrixView<std::type_identity_t<T>> y, workspace<T>& memory) {
    product_in_parts<T>(weight, x, weight.rows * eigen_cpu::block_tokens<T>, [&](auto at, index_t slot) {
      eigen_cpu::product_tokens(at, weight, x, bias, y, memory.lanes(slot));
    });
  }
  /// Several tokens become lanes in the memory of the thread.
  template <class T, class Value, class Column>
  void compressed_product(CompressedView<Value, HostSpace, Column> weight, Const<T> x, Const<T> bias, MatrixView<T> y) {
    product_in_parts<T>(weight, x, eigen_cpu::outputs_at_once<T>, [&](auto at, index_t) {
      T* const memory = at.most > 1 ? eigen_cpu::ThreadMemory::of_this_thread().numbers<T>() : nullptr;
      eigen_cpu::product_tokens(at, weight, x, bias, y, memory);
    });
  }
  template <class T>
  void sampled_product(CompressedView<T, HostSpace> weight, Const<T> grad_y, Const<T> x,
                       std::type_identity_t<T>* values, workspace<T>& memory) {
    if (x.rows <= eigen_cpu::block_tokens<T> / 4)
      sampled_in_blocks<eigen_cpu::block_tokens<T> / 4>(weight, grad_y, x, values, memory);
    else
      sampled_in_blocks<eigen_cpu::block_tokens<T>>(weight, grad_y, x, values, memory);
  }

 private:
  int threads_;
  std::function<void(const Parts&)> loop_;

  [[nodiscard]] static int available_threads() noexcept {
    const char* const asked = std::getenv("PST_NUM_THREADS");
    int threads = 0;
    if (asked != nullptr) std::from_chars(asked, asked + std::strlen(asked), threads);
    return threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency());
  }
  /// False, and nothing was done, where no other thread is to be had.
  [[nodiscard]] bool on_several_threads(index_t count, PartFunction f) {
    if (!loop_) return !in_parallel_region() && eigen_cpu::ThreadPool::of_process().run(count, threads_, f);
    Parts parts{count, threads_, f};
    loop_(parts);
    parts.finish();
    return true;
  }
  [[nodiscard]] static bool in_parallel_region() noexcept {
#ifdef _OPENMP
    return omp_in_parallel() != 0;
#else
    return false;
#endif
  }
  template <class T>
  [[nodiscard]] static eigen_cpu::Operand<T> plain(MatrixView<const T> view) noexcept {
    return {view.data, view.row_stride, 1};
  }
  template <class T>
  static void multiply(double alpha, eigen_cpu::Operand<T> a, eigen_cpu::Operand<T> b, index_t depth,
                       MatrixView<T> out) {
    eigen_cpu::multiply_add<T>(out.rows, out.cols, depth, static_cast<T>(alpha), a, b, out.data, out.row_stride);
  }
  /// Calls `f(BlockOf<tokens>, slot)` for all tokens and outputs, at most `outputs` of all tokens at once. Blocks of
  /// tokens run at the same time; when they are few, the rows are cut too. No result depends on how.
  template <class T, class View, class F>
  void product_in_parts(View weight, MatrixView<const T> x, index_t outputs, F f) {
    const index_t kept = weight.start[weight.panels() * weight.rows * View::segments];
    eigen_cpu::for_each_block_size<T>(
        x.rows, [&]<int tokens>(std::integral_constant<int, tokens>, index_t begin, index_t count) {
          const index_t blocks = (count + tokens - 1) / tokens;
          const index_t rows = rows_per_part(tokens, blocks, weight.rows, kept, outputs / tokens);
          const index_t cuts = (weight.rows + rows - 1) / rows;
          for_each_part(blocks * cuts, [&](index_t part, index_t slot) {
            const index_t token = begin + part / cuts * tokens, row = part % cuts * rows;
            f(eigen_cpu::BlockOf<tokens>{token, std::min<index_t>(tokens, begin + count - token), row,
                                         std::min(rows, weight.rows - row)},
              slot);
          });
        });
  }
  /// A few parts for each thread, none of less than about 6 us of work: a region costs 1 to 4 us. Each part turns x
  /// into lanes for itself, which is cheap beside many rows.
  [[nodiscard]] index_t rows_per_part(index_t tokens, index_t blocks, index_t rows, index_t kept, index_t most) const {
    constexpr index_t parts_per_thread = 4, least_work = 200000, rows_per_token = 8, row_multiple = 16;
    const index_t wanted = threads_ == 1 ? 1 : parts_per_thread * threads_ / blocks;
    const index_t worth = std::min(kept * (tokens + 8) / least_work, rows / (rows_per_token * tokens));
    const index_t cuts = std::max({index_t{1}, std::min(wanted, worth), (rows + most - 1) / most});
    return ((rows + cuts - 1) / cuts + row_multiple - 1) / row_multiple * row_multiple;
  }
  /// As many blocks of x as there are slots are turned into lanes, which then all rows of the weight meet.
  template <int tokens, class T>
  void sampled_in_blocks(CompressedView<T, HostSpace> weight, MatrixView<const T> grad_y, MatrixView<const T> x,
                         T* values, workspace<T>& memory) {
    constexpr index_t most_rows = 128;  // whose lanes fit behind those of x
    const index_t per_part = std::min((weight.rows + 15) / 16, most_rows);
    for (index_t first = 0; first < x.rows; first += slots() * tokens) {
      const index_t blocks = std::min(slots(), (x.rows - first + tokens - 1) / tokens);
      for_each_part(blocks, [&](index_t block, index_t) {
        const index_t token = first + block * tokens, count = std::min<index_t>(tokens, x.rows - token);
        eigen_cpu::to_lanes<tokens>(x.middle_rows(token, count), memory.lanes(block));
      });
      for_each_part((weight.rows + per_part - 1) / per_part, [&](index_t part, index_t slot) {
        const index_t row = part * per_part, rows = std::min(per_part, weight.rows - row);
        T* const grad_lanes = memory.lanes(slot) + x.cols * tokens;
        for (index_t block = 0; block < blocks; ++block) {
          const index_t token = first + block * tokens, count = std::min<index_t>(tokens, x.rows - token);
          eigen_cpu::to_lanes<tokens>(grad_y.middle_rows(token, count).middle_cols(row, rows), grad_lanes);
          eigen_cpu::sampled_block<tokens>(weight, row, rows, grad_lanes, memory.lanes(block), values);
        }
      });
    }
  }
  std::shared_ptr<eigen_cpu::Scratch> scratch_ = std::make_shared<eigen_cpu::Scratch>();
};
static_assert(BackendFor<EigenCpu, float> && BackendFor<EigenCpu, double>);

}  // namespace pst::PST_ABI::PST_ISA
