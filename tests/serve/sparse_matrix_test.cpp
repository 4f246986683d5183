// SPDX-License-Identifier: Apache-2.0
#include "pst/serve/sparse_matrix.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/layer_tools.hpp"
#include "support/sparse_matrix_tools.hpp"

namespace pst::test {
namespace {

template <class T>
using MatrixOf = SparseMatrix<typename T::scalar, typename T::scalar, typename T::backend>;
template <class T>
[[nodiscard]] CsrMatrix<T> csr_of(const HostMatrix<T>& weight) {
  const auto plain = weight.template as<T>();
  return to_csr<T>(weight.rows(), weight.cols(),
                   std::span<const T>{plain.view().data, static_cast<std::size_t>(plain.view().size())});
}
template <class T>
[[nodiscard]] BitmaskMatrix<T> bitmask_of(const HostMatrix<T>& weight) {
  const auto plain = weight.template as<T>();
  return to_bitmask<T>(weight.rows(), weight.cols(),
                       std::span<const T>{plain.view().data, static_cast<std::size_t>(plain.view().size())});
}
template <class Matrix, class T>
[[nodiscard]] HostMatrix<T> product_of(const Matrix& weight, const HostMatrix<T>& x) {
  HostMatrix<T> y(x.rows(), weight.shape().out);
  weight.product(x.view(), y.view());
  return y;
}
template <class Matrix>
[[nodiscard]] auto dense_of(const Matrix& weight) {
  HostMatrix<typename Matrix::scalar> out(weight.shape().out, weight.shape().in);
  weight.to_dense(out.view());
  return out;
}

static_assert(!std::is_constructible_v<SparseMatrix<>, MatrixView<float, DeviceSpace>>);
static_assert(std::is_copy_constructible_v<SparseMatrix<>> && std::is_nothrow_move_assignable_v<HostBuffer<float>>);

TEST_CASE_TEMPLATE("a sparse matrix multiplies as the dense one does, for any number of tokens", T, ReferenceDouble,
                   PartsFloat) {
  for (Shape shape : sparse_shapes) check_sparse_matrix<MatrixOf<T>, typename T::scalar>(shape);
}
TEST_CASE_TEMPLATE("values of 16 bits are the nearest ones, and arithmetic is that of the scalar", Value, BFloat16,
                   Half) {
  for (Shape shape : sparse_shapes) {
    check_sparse_matrix<SparseMatrix<float, Value, Reference>, Value>(shape);
    check_sparse_matrix<SparseMatrix<float, Value>, Value>(shape);
    check_sparse_matrix<SparseMatrix<double, Value>, Value>(shape);
  }
  check_sparse_matrix<SparseMatrix<float, double>, float>({300, 40});
}
TEST_CASE("16 bits err by half a unit of the last place, and what rounds to zero is dropped") {
  const std::vector<float> numbers{1.00390625F, 1.01171875F, 1.00048828125F, 0x1p-26F, -0x1p-24F};
  const MatrixView<const float> weight{numbers.data(), 1, 5};
  const auto as_brain = dense_of(SparseMatrix<float, BFloat16>{weight});
  CHECK(as_brain(0, 0) == 1);  // ties to even
  CHECK(as_brain(0, 1) == 1.015625F);
  const SparseMatrix<float, Half> half{weight};
  const auto as_half = dense_of(half);
  CHECK(as_half(0, 2) == 1);
  CHECK(as_half(0, 3) == 0);
  CHECK(as_half(0, 4) == -0x1p-24F);  // the smallest number that is not zero
  CHECK(half.kept() == 4);
}
TEST_CASE_TEMPLATE("dense, CSR and bit mask give the same matrix", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{13, 20}, Shape{300, 33}, Shape{1300, 8}}) {
    Draw draw{9};
    auto given = sparse_normal<Scalar>(shape, draw, 1);
    given(0, 0) = -Scalar{0};  // no number either
    const auto x = draw.normal<Scalar>(5, shape.in);
    const MatrixOf<T> dense{given.view()}, csr{csr_of(given)}, packed{bitmask_of(given)};
    CHECK(distance(dense_of(csr), dense_of(dense)) == 0);
    CHECK(distance(dense_of(packed), dense_of(dense)) == 0);
    CHECK(distance(product_of(csr, x), product_of(dense, x)) == 0);
    CHECK(distance(product_of(packed, x), product_of(dense, x)) == 0);
    CHECK(dense.density() == doctest::Approx(static_cast<double>(nonzeros(given)) / static_cast<double>(shape.size())));
  }
}
TEST_CASE_TEMPLATE("an exported layer is served as it was trained", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  const Shape shape{.in = 70, .out = 45};
  const auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in), x = Draw{3}.normal<Scalar>(12, shape.in);
  auto bias = Draw{2}.normal<Scalar>(1, shape.out);
  PstLayer<T> layer{shape, {.schedule = {.sparsity = 0.9}}};
  layer.attach(weight.view(), bias.view());
  layer.begin_step(1, 1);
  HostMatrix<Scalar> trained(12, shape.out), served(12, shape.out);
  layer.forward(x.view(), trained.view());
  const MatrixOf<T> matrix{layer.export_csr()};
  matrix.product(x.view(), served.view(), bias.view());
  CHECK(distance(served, trained) <= tolerances<Scalar>::value);
  CHECK(matrix.kept() == layer.kept());
  const SparseMatrix<Scalar, BFloat16, typename T::backend> compressed{layer.export_bitmask()};
  CHECK(compressed.kept() == layer.kept());
  CHECK(matrix.bytes() - compressed.bytes() == static_cast<std::size_t>(layer.kept()) * (sizeof(Scalar) - 2));
}
TEST_CASE_TEMPLATE("pruned weights do not see what they would be multiplied with", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  Draw draw{4};
  const Shape shape{.in = 1201, .out = 37};
  const MatrixOf<T> weight{sparse_normal<Scalar>(shape, draw).view()};
  for (const index_t tokens : sparse_tokens) {
    auto x = draw.normal<Scalar>(tokens, shape.in);
    for (index_t t = 0; t < tokens; ++t)  // no row keeps a weight there
      for (index_t c = 0; c < shape.in; c += 100) x(t, c) = std::numeric_limits<Scalar>::quiet_NaN();
    CHECK(Reference{}.all_finite(product_of(weight, x).view()));
  }
}
TEST_CASE_TEMPLATE("one, two and three threads give the same bits, and so do several that call at once", Value, float,
                   double, BFloat16, Half) {
  using Scalar = std::conditional_t<std::is_same_v<Value, double>, double, float>;
  const Shape shape{.in = 1100, .out = 700};
  Draw draw{6};
  auto given = draw.normal<Scalar>(shape.out, shape.in);
  for (index_t r = 0; r < shape.out; r += 3)
    for (index_t c = r % 7; c < shape.in; ++c) given(r, c) = 0;  // rows of different lengths
  for (index_t tokens : {1, 3, 8, 12, 40, 100}) {
    CAPTURE(tokens);
    const auto x = draw.normal<Scalar>(tokens, shape.in, 1);
    const SparseMatrix<Scalar, Value> weight{given.view(), "", EigenCpu{1}};
    const auto one = product_of(weight, x);
    for (int threads : {2, 3})
      CHECK(distance(product_of(SparseMatrix<Scalar, Value>{given.view(), "", EigenCpu{threads}}, x), one) == 0);
    std::vector<HostMatrix<Scalar>> found(3);
    std::vector<std::thread> callers;
    for (auto& y : found) callers.emplace_back([&] { y = product_of(weight, x); });
    for (std::thread& caller : callers) caller.join();
    for (const auto& y : found) CHECK(distance(y, one) == 0);
  }
}
TEST_CASE("NaN, Inf and what does not fit is refused") {
  HostMatrix<double> weight(3, 5);
  const auto error = [&]<class Value>(Value, double number) {
    weight(1, 4) = number;
    return error_of([&] { SparseMatrix<double, Value>(weight.view(), "head"); });
  };
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(error(0.0, std::numeric_limits<double>::quiet_NaN()) ==
        "sparse matrix head: the weight is nan at row 1, column 4, expected finite numbers");
  CHECK(error(Half{}, -infinity) ==
        "sparse matrix head: the weight is -inf at row 1, column 4, expected finite numbers");
  CHECK(error(Half{}, 65519) == "nothing was thrown");
  CHECK(error(Half{}, 65520) == "sparse matrix head: the weight is 65520 at row 1, column 4, too large for 16 bits");
  CHECK(error(BFloat16{}, 3.4e38) ==
        "sparse matrix head: the weight is 3.4e+38 at row 1, column 4, too large for 16 bits");
  CHECK(error(0.0F, 1e39) == "sparse matrix head: the weight is 1e+39 at row 1, column 4, too large for 32 bits");
  CHECK(error(0.0, 1e39) == "nothing was thrown");
  CsrMatrix<float> csr{1, 2, {0, 1}, {1}, {std::numeric_limits<float>::infinity()}};
  CHECK(error_of([&] { SparseMatrix<>{csr}; }) ==
        "sparse matrix: the weight is inf at row 0, column 1, expected finite numbers");
}
TEST_CASE("a matrix has rows and columns, and can be read") {
  float numbers[6] = {};
  const auto error = [](MatrixView<float> dense) { return error_of([&] { SparseMatrix<>{dense}; }); };
  CHECK(error({numbers, 0, 3}) == "sparse matrix: a weight has at least one row and one column, found 0 x 3");
  CHECK(error({numbers, 2, -1}) == "sparse matrix: a weight has at least one row and one column, found 2 x -1");
  CHECK(error({numbers, 2, 3, 2}) == "sparse matrix: the weight has row stride 2, expected at least its 3 columns");
  CHECK(error({nullptr, 2, 3}) == "sparse matrix: the weight is a null pointer");
  CHECK(error({numbers, 1, 6, 0}) == "nothing was thrown");
}
TEST_CASE("compressed rows are not believed") {
  const CsrMatrix<float> good{3, 4, {0, 2, 2, 3}, {0, 3, 1}, {1, 2, 3}};
  const auto error = [&](auto&& spoil) {
    CsrMatrix<float> csr = good;
    spoil(csr);
    return error_of([&] { SparseMatrix<>{csr, "q"}; });
  };
  CHECK(error([](auto&) {}) == "nothing was thrown");
  CHECK(error([](auto& m) { m.rows = 0; }) ==
        "sparse matrix q: a weight has at least one row and one column, found 0 x 4");
  CHECK(
      error([](auto& m) { m.cols = index_t{1} << 62; }) ==
      "sparse matrix q: a weight of 3 x 4611686018427387904 is too large, expected less than 2^32 rows and columns and "
      "2^40 weights");
  CHECK(error([](auto& m) { m.rows = 2; }) ==
        "sparse matrix q: row_start has 4 offsets, expected one more than the 2 rows");
  CHECK(error([](auto& m) { m.row_start.clear(); }) ==
        "sparse matrix q: row_start has 0 offsets, expected one more than the 3 rows");
  CHECK(error([](auto& m) { m.column.pop_back(); }) ==
        "sparse matrix q: there are 2 columns, expected as many as 3 values");
  CHECK(error([](auto& m) { m.row_start[0] = 1; }) == "sparse matrix q: row_start begins with 1, expected 0");
  CHECK(error([](auto& m) { m.row_start[1] = 4; }) == "sparse matrix q: row 0 ends at offset 4, expected 0 to 3");
  CHECK(error([](auto& m) { m.row_start[2] = 1; }) == "sparse matrix q: row 1 ends at offset 1, expected 2 to 3");
  CHECK(error([](auto& m) { m.row_start[2] = std::numeric_limits<std::int64_t>::min(); }) ==
        "sparse matrix q: row 1 ends at offset -9223372036854775808, expected 2 to 3");
  CHECK(error([](auto& m) { m.row_start[3] = 2; }) == "sparse matrix q: row_start ends with 2, expected the 3 values");
  CHECK(error([](auto& m) { m.column[1] = 4; }) ==
        "sparse matrix q: row 0 has a number in column 4, expected less than 4");
  CHECK(error([](auto& m) { m.column[0] = 3; }) ==
        "sparse matrix q: row 0 has column 3 behind 3, expected ascending columns");
}
TEST_CASE("a bit mask is not believed") {
  const BitmaskMatrix<float> good{2, 10, {1, 2, 3}, {130, 0, 0, 2}, {0, 2}};
  const auto error = [&](auto&& spoil) {
    BitmaskMatrix<float> packed = good;
    spoil(packed);
    return error_of([&] { SparseMatrix<>{packed, "q"}; });
  };
  CHECK(error([](auto&) {}) == "nothing was thrown");
  CHECK(error([](auto& m) { m.cols = 17; }) ==
        "sparse matrix q: the bit mask has 4 bytes, expected 3 for each of 2 rows");
  CHECK(error([](auto& m) { m.row_offsets.pop_back(); }) ==
        "sparse matrix q: row_offsets has 1 offsets, expected one for each of 2 rows");
  CHECK(error([](auto& m) { m.row_offsets[1] = 1; }) ==
        "sparse matrix q: row 1 begins at offset 1, expected the 2 bits before it");
  CHECK(error([](auto& m) { m.bitmask[3] = 4; }) ==
        "sparse matrix q: row 1 has a bit behind its 10 columns, expected 0");
  CHECK(error([](auto& m) { m.value.pop_back(); }) ==
        "sparse matrix q: there are 2 values, expected one for each of 3 bits");
}
TEST_CASE("product refuses outputs over what it reads, and takes slices beside it") {
  const auto weight = Draw{1}.normal<float>(4, 3);
  const SparseMatrix<float> matrix{weight.view(), "query"};
  std::vector<float> numbers(2 * 8 + 4);
  const MatrixView<float> fused{numbers.data(), 2, 8};
  const auto x = fused.middle_cols(0, 3), y = fused.middle_cols(3, 4), bias = MatrixView<float>{&numbers[16], 1, 4};
  CHECK(error_of([&] { matrix.product(x, y, bias); }) == "nothing was thrown");
  const std::string expected = ", expected memory of its own: it is written while ";
  CHECK(error_of([&] { matrix.product(x, fused.middle_cols(2, 4)); }) ==
        "sparse matrix query: y lies over x" + expected + "x is still read");
  CHECK(error_of([&] { matrix.product(x, y, y.middle_rows(1, 1)); }) ==
        "sparse matrix query: y lies over the bias" + expected + "the bias is still read");
}
TEST_CASE_TEMPLATE("product refuses other shapes, narrow strides and null pointers", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  const HostMatrix<Scalar> given(20, 10);
  const MatrixOf<T> weight{given.view(), "block.3.query"};
  HostMatrix<Scalar> x(4, 10), y(4, 20), wide(4, 12), many(5, 20), bias(1, 19);
  const auto product = [&](auto in, auto out, MatrixView<Scalar> added = {}) {
    return error_of([&] { weight.product(in, out, added); });
  };
  CHECK(product(x.view(), y.view()) == "nothing was thrown");
  CHECK(distance(y, HostMatrix<Scalar>(4, 20)) == 0);  // no weight is kept
  CHECK(product(wide.view(), y.view()) == "sparse matrix block.3.query: x has 12 columns, the layer expects 10");
  CHECK(product(x.view(), wide.view()) == "sparse matrix block.3.query: y has 12 columns, the layer expects 20");
  CHECK(product(x.view(), many.view()) == "sparse matrix block.3.query: y has 5 rows, expected 4");
  CHECK(product(MatrixView<Scalar>{x.view().data, 4, 10, 2}, y.view()) ==
        "sparse matrix block.3.query: x has row stride 2, expected at least its 10 columns");
  CHECK(product(x.view(), MatrixView<Scalar>{nullptr, 4, 20}) == "sparse matrix block.3.query: y is a null pointer");
  CHECK(product(x.view(), y.view(), bias.view()) ==
        "sparse matrix block.3.query: the bias has 19 columns, the layer expects 20");
  CHECK(product(x.view().middle_rows(0, 0), y.view().middle_rows(0, 0)) == "nothing was thrown");
  CHECK(error_of([&] { weight.to_dense(y.view()); }) ==
        "sparse matrix block.3.query: the dense weight has 20 columns, the layer expects 10");
}

}  // namespace
}  // namespace pst::test
