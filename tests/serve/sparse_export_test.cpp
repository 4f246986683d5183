// SPDX-License-Identifier: Apache-2.0
#include "pst/serve/sparse_export.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

template <class Scalar>
HostMatrix<Scalar> dense_of(const CsrMatrix<Scalar>& csr) {
  HostMatrix<Scalar> out(csr.rows, csr.cols);
  for (index_t r = 0; r < csr.rows; ++r)
    for (auto p = static_cast<std::size_t>(csr.row_start[static_cast<std::size_t>(r)]);
         p < static_cast<std::size_t>(csr.row_start[static_cast<std::size_t>(r) + 1]); ++p)
      out(r, csr.column[p]) = csr.value[p];
  return out;
}
template <class Scalar>
HostMatrix<Scalar> dense_of(const BitmaskMatrix<Scalar>& packed) {
  HostMatrix<Scalar> out(packed.rows, packed.cols);
  const index_t row_bytes = (packed.cols + 7) / 8;
  for (index_t r = 0; r < packed.rows; ++r) {
    auto at = static_cast<std::size_t>(packed.row_offsets[static_cast<std::size_t>(r)]);
    for (index_t c = 0; c < packed.cols; ++c)
      if ((packed.bitmask[static_cast<std::size_t>(r * row_bytes + c / 8)] >> (c % 8) & 1) != 0)
        out(r, c) = packed.value[at++];
  }
  return out;
}

TEST_CASE("a small matrix has the bit mask that compressed-tensors writes for it") {
  // The golden bytes are of `sparse-bitmask` of the Python package compressed-tensors.
  const std::vector<float> dense{0, 1.5, 0, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 3};
  const auto packed = to_bitmask<float>(2, 10, dense);
  CHECK(packed.bitmask == std::vector<std::uint8_t>{130, 0, 0, 3});
  CHECK(packed.value == std::vector<float>{1.5, 2.5, -1, 3});
  CHECK(packed.row_offsets == std::vector<std::int64_t>{0, 2});
  CHECK(packed.bytes() == 4 * 4 + 4 + 2 * 8);
  const auto csr = to_csr<float>(2, 10, dense);
  CHECK(csr.row_start == std::vector<std::int64_t>{0, 2, 4});
  CHECK(csr.column == std::vector<std::uint32_t>{1, 7, 8, 9});
  CHECK(csr.value == packed.value);
  CHECK(csr.bytes() == 3 * 8 + 4 * 4 + 4 * 4);
}
TEST_CASE("both zeros are left out") {
  const std::vector<double> dense{-0.0, 0.0, 4.0};
  CHECK(to_csr<double>(1, 3, dense).column == std::vector<std::uint32_t>{2});
  CHECK(to_bitmask<double>(1, 3, dense).bitmask == std::vector<std::uint8_t>{4});
}
TEST_CASE_TEMPLATE("the exports hold the masked weight, exactly +0 where pruned", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{1, 40}, Shape{40, 1}, Shape{67, 33}})
    for (double dense_above_density : {0.0, 1.0}) {
      auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in, 2);
      weight(0, 0) = -Scalar{0};
      PstLayer<T> layer{shape, {.schedule = {.sparsity = 0.7}, .dense_above_density = dense_above_density}};
      layer.attach(weight.view());
      assign(parameter_of(layer, "delta.V").value, Draw{2}.normal<Scalar>(8, shape.in, 0, 0.1));
      layer.begin_step(0, 1);
      HostMatrix<Scalar> masked(shape.out, shape.in, 5);
      masked.fill(9);
      layer.export_masked(masked.view());
      CHECK(masked.gap_is_untouched());

      oracle::Problem problem{.weight = weight.template as<double>(),
                              .u = copy_of(parameter_of(layer, "delta.U").value).template as<double>(),
                              .v = copy_of(parameter_of(layer, "delta.V").value).template as<double>()};
      oracle::Mat expected = oracle::effective_weight(problem);
      bool exact_zeros = true;
      for (index_t r = 0; r < shape.out; ++r)
        for (index_t c = 0; c < shape.in; ++c)
          if (!layer.mask()(r, c)) {
            expected(r, c) = 0;
            exact_zeros = exact_zeros && masked(r, c) == 0 && !std::signbit(masked(r, c));
          }
      CHECK(exact_zeros);
      CHECK(distance(masked, expected) <= tolerances<Scalar>::value);
      CHECK(distance(dense_of(layer.export_csr()), masked) == 0);
      CHECK(distance(dense_of(layer.export_bitmask()), masked) == 0);
    }
}

}  // namespace
}  // namespace pst::test
