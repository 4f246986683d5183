// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>

#include "pst/backend/eigen_cpu/gemm.hpp"
#include "pst/backend/eigen_cpu/lanes.hpp"
#include "pst/core/compressed.hpp"
#include "pst/core/error.hpp"
#include "pst/core/host_buffer.hpp"
#include "pst/core/tile_scratch.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Lives as long as a thread works with scratch memory that no other thread may touch meanwhile. Throws Error when
/// another one is at work there; a thread that already is may come again.
class [[nodiscard]] InUse {
 public:
  using User = std::atomic<std::thread::id>;

  explicit InUse(User& user) {
    const std::thread::id me = std::this_thread::get_id();
    std::thread::id before{};
    if (user.compare_exchange_strong(before, me, std::memory_order_acquire, std::memory_order_relaxed))
      user_ = &user;
    else
      require(before == me,
              "EigenCpu: another thread is at work with the same scratch memory, in this layer or in one ",
              "that was made with a copy of the same EigenCpu; expected one thread at a time, so give layers that are ",
              "called at the same time an EigenCpu{threads} each");
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
  ~InUse() {
    if (user_ != nullptr) user_->store(std::thread::id{}, std::memory_order_release);
  }

 private:
  User* user_ = nullptr;
};

/// Scratch memory of all layers that share a backend: for each slot as much as the largest layer needs.
class Scratch {
 public:
  [[nodiscard]] InUse use() { return InUse{user_}; }
  /// Grows, if need be; what was stored is lost. Where there is not enough memory, it stays as it was: other layers
  /// still work with it.
  void reserve(index_t slots, std::size_t bytes_per_slot) {
    constexpr std::size_t line = 64;
    const std::size_t per_slot = std::max(per_slot_, (bytes_per_slot + line - 1) / line * line);
    const std::size_t size = static_cast<std::size_t>(slots) * per_slot;
    if (memory_.size() < size) memory_ = HostBuffer<std::byte>(size);
    per_slot_ = per_slot;
  }
  [[nodiscard]] std::byte* of(index_t slot) noexcept {
    return memory_.data() + static_cast<std::size_t>(slot) * per_slot_;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return memory_.size(); }

 private:
  HostBuffer<std::byte> memory_;
  std::size_t per_slot_ = 0;
  InUse::User user_{};
};

/// What one layer uses of the scratch memory. A slot holds either the tiles of a block of rows, or a block of tokens of
/// x and of y.
template <class T>
class Workspace {
 public:
  template <class B>
  Workspace(B& on, const LayerLayout& layout)
      : scratch_{&on.scratch()},
        size_{(layout.plan.tile_size() + 15) / 16 * 16},
        words_{layout.plan.rows_per_block * MaskView<mask_word>::words_for(layout.shape.in)} {
    const index_t numbers = TileScratch<B, T>::tiles * size_;
    constexpr index_t panel = CompressedView<T, HostSpace>::panel_cols;
    const index_t lanes = (std::max(layout.shape.in, layout.shape.out) + panel) * block_tokens<T>;
    tiles_bytes_ = static_cast<std::size_t>(numbers) * sizeof(T);
    scratch_->reserve(on.slots(), std::max(tiles_bytes_ + static_cast<std::size_t>(words_) * sizeof(mask_word),
                                           static_cast<std::size_t>(lanes) * sizeof(T)));
    ThreadMemory::of_this_thread().allocate();
  }
  [[nodiscard]] MatrixView<T> numbers(TileUse use, Tile tile) {
    return {lanes(tile.slot) + static_cast<index_t>(use) * size_, tile.rows, tile.cols};
  }
  [[nodiscard]] MaskView<mask_word> mask(Tile tile) {
    return {reinterpret_cast<mask_word*>(scratch_->of(tile.slot) + tiles_bytes_), tile.rows, tile.cols};
  }
  /// Memory for the lanes of one block of tokens: of all inputs or all outputs, and 256 more.
  [[nodiscard]] T* lanes(index_t slot) { return reinterpret_cast<T*>(scratch_->of(slot)); }
  [[nodiscard]] std::size_t bytes() const noexcept { return scratch_->bytes(); }

 private:
  Scratch* scratch_;
  index_t size_;
  index_t words_;
  std::size_t tiles_bytes_ = 0;
};

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
