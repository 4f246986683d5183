// SPDX-License-Identifier: Apache-2.0
#include "support/compressed_tools.hpp"

#include <doctest/doctest.h>

#include "support/test_types.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("kept weights lie in panels of 256 columns, and so do those of the transpose", T, ReferenceFloat,
                   ReferenceDouble, EigenFloat, EigenDouble, PartsFloat) {
  for (Shape shape : compressed_shapes) check_compression<typename T::scalar>(typename T::backend{}, shape);
}
TEST_CASE_TEMPLATE("products with compressed weights are those of the masked ones, for any number of tokens", T,
                   ReferenceFloat, ReferenceDouble, EigenFloat, EigenDouble, PartsFloat) {
  for (Shape shape : compressed_shapes) check_compressed_products<typename T::scalar>(typename T::backend{}, shape);
  check_compressed_products<typename T::scalar>(typename T::backend{}, {600, 1000});  // enough work to cut the outputs
}
TEST_CASE_TEMPLATE("on one thread and on three, compressed products have the same bits", Scalar, float, double) {
  for (Shape shape : {Shape{1, 1}, Shape{257, 31}, Shape{40, 600}, Shape{513, 257}, Shape{600, 1000}})
    for (index_t tokens : {1, 7, 9, 33, 100}) {
      CAPTURE(shape.in);
      CAPTURE(shape.out);
      CAPTURE(tokens);
      Draw draw{5};
      const auto weight = draw.normal<Scalar>(shape.out, shape.in), x = draw.normal<Scalar>(tokens, shape.in, 1),
                 grad_y = draw.normal<Scalar>(tokens, shape.out, 2);
      const HostMask mask = random_mask(shape.out, shape.in, draw, 0.1);
      std::vector<std::vector<Scalar>> results;
      for (int threads : {1, 2, 3}) {
        EigenCpu on{threads};
        EigenCpu::workspace<Scalar> memory{on, LayerLayout{on.plan(shape, 1), 1}};
        auto by_rows = compressed_on(on, weight, mask), by_columns = transposed_on(on, by_rows);
        HostMatrix<Scalar> y(tokens, shape.out), grad_x(tokens, shape.in);
        std::vector<Scalar>& all = results.emplace_back(KeptWeights<Scalar>{by_rows.view()}.value.size());
        on.sampled_product(by_rows.view(), grad_y.view(), x.view(), all.data(), memory);
        on.compressed_product(by_rows.view(), x.view(), MatrixView<const Scalar>{}, y.view(), memory);
        on.compressed_product(by_columns.view(), grad_y.view(), MatrixView<const Scalar>{}, grad_x.view(), memory);
        all.insert(all.end(), y.view().data, y.view().data + y.view().size());
        all.insert(all.end(), grad_x.view().data, grad_x.view().data + grad_x.view().size());
      }
      CHECK(results[1] == results[0]);
      CHECK(results[2] == results[0]);
    }
}

}  // namespace
}  // namespace pst::test
