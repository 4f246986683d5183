// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "transformer/matrix.hpp"

namespace transformer {

/// What causal attention remembers of sequences that grow at their ends: the keys and values of every block.
///
/// Memory doubles when a sequence outgrows it, up to `longest` tokens for each; it never shrinks.
template <class Scalar>
class KeyValueCache {
 public:
  /// For that many sequences, all empty.
  KeyValueCache(index_t blocks, index_t width, index_t longest, index_t sequences)
      : width_{width},
        longest_{longest},
        lengths_(static_cast<std::size_t>(sequences)),
        blocks_(static_cast<std::size_t>(blocks)) {}

  [[nodiscard]] index_t blocks() const noexcept { return static_cast<index_t>(blocks_.size()); }
  /// Of the keys and values of a token.
  [[nodiscard]] index_t width() const noexcept { return width_; }
  /// The tokens of each sequence so far.
  [[nodiscard]] std::span<const index_t> lengths() const noexcept { return lengths_; }
  /// The tokens that a sequence may have.
  [[nodiscard]] index_t longest() const noexcept { return longest_; }

  /// Sequence s becomes what sequence from[s] was; so sequences are put in order, doubled and dropped.
  void reorder(std::span<const index_t> from) {
    for (const index_t source : from)
      pst::require(source >= 0 && source < static_cast<index_t>(lengths_.size()), "sequence ", source,
                   " is to be kept, a cache has ", lengths_.size());
    if (from.size() == lengths_.size() && is_identity(from)) return;
    for (Block& block : blocks_) {
      copy_rows(block.keys, from, capacity_);
      copy_rows(block.values, from, capacity_);
    }
    next_lengths_.clear();
    for (const index_t source : from) next_lengths_.push_back(lengths_[static_cast<std::size_t>(source)]);
    lengths_.swap(next_lengths_);
  }

  /// Makes room for rows[s] more tokens of each sequence s.
  void make_room(std::span<const index_t> rows) {
    pst::require(rows.size() == lengths_.size(), "tokens of ", rows.size(), " sequences are added, a cache has ",
                 lengths_.size());
    index_t most = 0;
    for (std::size_t s = 0; s < rows.size(); ++s) most = std::max(most, lengths_[s] + rows[s]);
    pst::require(most <= longest_, "a sequence grows to ", most, " tokens, the model reads at most ", longest_);
    if (most <= capacity_) return;
    const index_t capacity = std::min(longest_, std::max(most, 2 * capacity_));
    same_.resize(lengths_.size());
    std::iota(same_.begin(), same_.end(), index_t{0});
    for (Block& block : blocks_) {
      copy_rows(block.keys, same_, capacity);
      copy_rows(block.values, same_, capacity);
    }
    capacity_ = capacity;
  }
  /// The keys of a sequence: room for its tokens, one row each.
  [[nodiscard]] auto keys(std::size_t block, std::size_t sequence) { return rows_of(blocks_[block].keys, sequence); }
  [[nodiscard]] auto values(std::size_t block, std::size_t sequence) {
    return rows_of(blocks_[block].values, sequence);
  }
  /// The tokens for which there was made room are there now.
  void advance(std::span<const index_t> rows) {
    for (std::size_t s = 0; s < rows.size(); ++s) lengths_[s] += rows[s];
  }

 private:
  struct Block {
    Matrix<Scalar> keys, values;
  };

  [[nodiscard]] static bool is_identity(std::span<const index_t> from) noexcept {
    for (std::size_t s = 0; s < from.size(); ++s)
      if (from[s] != static_cast<index_t>(s)) return false;
    return true;
  }
  [[nodiscard]] auto rows_of(Matrix<Scalar>& all, std::size_t sequence) const {
    return all.middleRows(static_cast<index_t>(sequence) * capacity_, capacity_);
  }
  /// The rows of `from` with room for `capacity` each.
  void copy_rows(Matrix<Scalar>& rows, std::span<const index_t> from, index_t capacity) {
    const index_t needed = static_cast<index_t>(from.size()) * capacity;
    if (spare_.rows() < needed) spare_.resize(needed, width_);
    for (std::size_t s = 0; s < from.size(); ++s) {
      const index_t length = lengths_[static_cast<std::size_t>(from[s])];
      if (length == 0) continue;
      spare_.middleRows(static_cast<index_t>(s) * capacity, length) = rows.middleRows(from[s] * capacity_, length);
    }
    rows.swap(spare_);
  }

  index_t width_, longest_, capacity_ = 0;
  std::vector<index_t> lengths_, next_lengths_, same_;
  std::vector<Block> blocks_;
  Matrix<Scalar> spare_;
};

}  // namespace transformer
