// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/attached_weight.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

/// The same numbers in memory whose columns are contiguous, as GPT-2's Conv1D and Eigen's matrices have them.
template <class T>
[[nodiscard]] HostMatrix<T> transposed(const HostMatrix<T>& matrix) {
  HostMatrix<T> out(matrix.cols(), matrix.rows(), 3);
  for (index_t r = 0; r < matrix.rows(); ++r)
    for (index_t c = 0; c < matrix.cols(); ++c) out(c, r) = matrix(r, c);
  return out;
}
template <class T>
[[nodiscard]] StridedView<T> as_weight(HostMatrix<T>& columns) {
  return StridedView<T>{columns.view()}.transposed();
}

constexpr Case transposed_cases[] = {{{70, 41}, 9, 3, 4, 0.8}, {{1, 5}, 3, 1, 1, 0.0}, {{270, 60}, 9, 3, 4, 0.5}};

TEST_CASE_TEMPLATE("a weight with contiguous columns gives the bits of one with contiguous rows", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (const Case& now : transposed_cases)
    for (double above : {-1.0, 1.0}) {
      Posed<PstLayer<T>> by_rows{now, {}, {.dense_above_density = above}};
      Posed<PstLayer<T>> by_columns{now, {}, {.dense_above_density = above}};
      HostMatrix<Scalar> columns = transposed(by_columns.weight);
      PstLayer<T> layer{now.shape, by_columns.layer.options()};
      layer.attach(as_weight(columns), by_columns.own_bias.view());
      by_columns.layer = std::move(layer);
      by_columns.put_factors();
      for (int step = 1; step <= 2; ++step) {
        by_rows.layer.begin_step(step, 4), by_columns.layer.begin_step(step, 4);
        by_rows.pass(), by_columns.pass();
        CHECK(unpacked(by_rows.layer.mask()) == unpacked(by_columns.layer.mask()));
        // W~ is computed as a term by rows and in memory by columns: the same to the last bit but one
        CHECK(distance(by_rows.y, by_columns.y) <= tolerances<Scalar>::value);
        CHECK(distance(by_rows.grad_x, by_columns.grad_x) <= tolerances<Scalar>::value);
        by_columns.check();
      }
    }
}
TEST_CASE_TEMPLATE("a weight with contiguous columns trains in place", T, ReferenceFloat, PartsFloat) {
  using Layer = typename SparseLinear<>::with<typename T::backend>::template with<Movement>::template with<
      Full>::template with<ConstantSchedule>;
  // more columns than a tile has, where weights are cut small
  const auto start = Draw{1}.normal<float>(41, 300);
  auto rows = start.as<float>(2);
  auto columns = transposed(start);
  const typename Layer::Options options{.importance = {.start = 1}, .schedule = {.sparsity = 0.6}};
  Layer by_rows{{300, 41}, options}, by_columns{{300, 41}, options};
  by_rows.attach(rows.view()), by_columns.attach(as_weight(columns));
  CHECK(parameter_of(by_columns, "weight").value.rows == 300);
  CHECK(parameter_of(by_columns, "weight").value.data == columns.view().data);
  Sgd<float> one{{.learning_rate = 0.01}}, other{{.learning_rate = 0.01}};
  for (int step = 1; step <= 3; ++step) {
    const auto x = Draw{9}.normal<float>(7, 300), grad_y = Draw{8}.normal<float>(7, 41);
    by_rows.begin_step(step, 3), by_columns.begin_step(step, 3);
    by_rows.backward(x.view(), grad_y.view()), by_columns.backward(x.view(), grad_y.view());
    one.step(parameters_of(by_rows)), other.step(parameters_of(by_columns));
    CHECK(same_bits(transposed(copy_of(rows.view())), transposed(transposed(copy_of(columns.view())))));
  }
  CHECK_FALSE(same_bits(copy_of(rows.view()), start));
}
TEST_CASE_TEMPLATE("a weight stored in 16 bits may have contiguous columns", T, ReferenceFloat, PartsFloat) {
  using Layer = typename PstLayer<T>::template with<StoredAs<BFloat16>>;
  const auto numbers = Draw{1}.normal<float>(20, 30);
  HostMatrix<BFloat16> rows(20, 30), columns(30, 20);
  for (index_t r = 0; r < 20; ++r)
    for (index_t c = 0; c < 30; ++c) rows(r, c) = columns(c, r) = static_cast<BFloat16>(numbers(r, c));
  Layer one{{30, 20}}, other{{30, 20}};
  one.attach(MatrixView<const BFloat16>{rows.view()}), other.attach(as_weight(columns));
  one.begin_step(1, 1), other.begin_step(1, 1);
  HostMatrix<float> expected(20, 30), found(20, 30);
  one.export_masked(expected.view()), other.export_masked(found.view());
  CHECK(same_bits(expected, found));
}
TEST_CASE("strides under which elements overlap are refused, and other ones are read") {
  SparseLinear<> layer{{.in = 4, .out = 3}};
  std::vector<float> memory(64, 1.0F);
  const auto attach = [&](index_t row_stride, index_t col_stride) {
    return error_of([&] { layer.attach({memory.data(), 3, 4, row_stride, col_stride}); });
  };
  CHECK(attach(2, 3) ==
        "layer: the weight has row stride 2 and column stride 3, so that elements overlap, expected rows or columns "
        "that lie apart");
  CHECK(attach(1, 2) == "layer: the transposed weight has row stride 2, expected at least its 3 columns");
  memory[9] = std::numeric_limits<float>::quiet_NaN();
  CHECK(attach(9, 2) == "layer: the weight is nan at row 1, column 0, expected finite numbers");
  memory[9] = 1;
  CHECK(attach(9, 2) == "nothing was thrown");
  SparseLinear<>::with<Magnitude>::with<Full> in_place{{.in = 4, .out = 3}};
  CHECK(
      error_of([&] {
        in_place.attach({memory.data(), 3, 4, 9, 2});
      }) ==
      "layer: the weight has row stride 9 and column stride 2, expected one of them to be 1 where the weight trains in "
      "place");
}
TEST_CASE("a layer is attached again to memory in the order of the first time") {
  const auto rows = Draw{1}.normal<float>(20, 30);
  auto columns = transposed(rows);
  SparseLinear<> layer{{.in = 30, .out = 20}};
  layer.attach(rows.view());
  CHECK(error_of([&] { layer.attach(as_weight(columns)); }) ==
        "layer: attach was called before with a weight whose rows are contiguous, expected the same now");
}

}  // namespace
}  // namespace pst::test
