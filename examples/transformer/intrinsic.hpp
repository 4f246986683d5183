// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/linear.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "transformer/matrix.hpp"

namespace transformer {

/// How many numbers the weights of a model are trained by, all together.
struct IntrinsicDimension {
  index_t size = 0;
  bool scaled = false;     ///< each weight has a number of its own besides (SAID)
  std::uint64_t seed = 1;  ///< draws the projections, with the names of the layers

  friend bool operator==(const IntrinsicDimension&, const IntrinsicDimension&) = default;
};

/// The vector that layers of an intrinsic dimension share, and the maker of these layers: the library's, compiled once.
class IntrinsicLayers {
 public:
  explicit IntrinsicLayers(const IntrinsicDimension& dimension);
  IntrinsicLayers(const IntrinsicLayers&) = delete;
  ~IntrinsicLayers();

  [[nodiscard]] const IntrinsicDimension& dimension() const noexcept { return dimension_; }
  /// A layer whose update is the projection of the vector, which must outlive it; its bias rests. With `keeps_zeros`
  /// the zeros of its weight are masked.
  [[nodiscard]] pst::AnyLinear<float> make(const std::string& name, pst::Shape shape, bool keeps_zeros);
  /// The vector: 1 x size. Throws pst::Error where a number of it is not finite.
  void check();
  [[nodiscard]] pst::Parameter<float> parameter();

 private:
  struct Vector;
  IntrinsicDimension dimension_;
  std::unique_ptr<Vector> vector_;
};

}  // namespace transformer
