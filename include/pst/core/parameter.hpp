// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pst/core/checked_size.hpp"
#include "pst/core/error.hpp"
#include "pst/core/view.hpp"

namespace pst::PST_ABI {

/// What a parameter is for, so that an engine can give scores or biases a learning rate of their own.
enum class ParameterGroup { weight, delta, score, bias };

/// A trained matrix and its gradient, as an optimizer sees them; both are views, and may have a row stride.
template <class Scalar, class Space = HostSpace>
struct Parameter {
  std::string_view name;
  ParameterGroup group = ParameterGroup::weight;
  MatrixView<Scalar, Space> value;
  MatrixView<Scalar, Space> grad;
};

/// One trained matrix of a layer, before there is memory for it.
struct ParameterEntry {
  std::string name;  ///< "delta.U", behind the layer's name and a point where the layer has a name
  ParameterGroup group = ParameterGroup::weight;
  index_t rows = 0;
  index_t cols = 0;
  index_t offset = 0;     ///< of its first number in the run of gradients, and in that of parameters; row-major
  bool in_place = false;  ///< its values are those of an attached matrix, and have no place in the run of parameters

  [[nodiscard]] index_t size() const noexcept { return rows * cols; }
};

/// Where the trained matrices of a layer stand in one run of parameters and one of gradients.
///
/// Entries that train in place come last, so that every other entry has the same offset in both runs.
struct ParameterLayout {
  std::vector<ParameterEntry> entries;
  index_t own = 0;   ///< numbers in the run of parameters
  index_t size = 0;  ///< numbers in the run of gradients

  /// Appends a matrix behind the others. Those in place come last.
  /// Throws Error when no memory holds so many numbers.
  void add(std::string name, ParameterGroup group, index_t rows, index_t cols, bool in_place) {
    constexpr index_t most = index_t{1} << 60;
    const auto count = checked_product(rows, cols);
    require(count && *count <= most - size, name, " is ", rows, " x ", cols, ", more numbers than any memory holds");
    entries.push_back({std::move(name), group, rows, cols, size, in_place});
    size += *count;
    if (!in_place) own = size;
  }
};

/// What `backward` does with the gradients of earlier batches.
enum class Gradients { add, overwrite };

/// What a run of parameters holds when it is bound to a layer for the first time.
enum class BoundRun {
  nothing,  ///< the layer writes its start, or what it has learnt in memory of its own
  values    ///< parameters are there already, and stay
};

}  // namespace pst::PST_ABI
