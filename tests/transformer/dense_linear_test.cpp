// SPDX-License-Identifier: Apache-2.0
#include "transformer/dense_linear.hpp"

#include <doctest/doctest.h>
#include <pst/any/layer_set.hpp>

#include <memory>
#include <vector>

#include "gradient_check.hpp"

using namespace transformer;

TEST_CASE("a layer of another kind stands in a set beside those of the library") {
  const pst::Shape shape{.in = 6, .out = 4};
  pst::LayerSet<double> set{1};
  set.add("dense", pst::AnyLinear<double>{std::make_unique<DenseLinear<double>>("dense", shape)});
  set.add("sparse", {.method = "pst", .sparsity = 0.5, .bias = "trained"}, shape);
  std::vector<Matrix<double>> weights{test::normal(4, 6, 1), test::normal(4, 6, 2)},
      biases{test::normal(1, 4, 3), test::normal(1, 4, 4)};
  for (std::size_t i = 0; i < 2; ++i) set[i].attach(view(weights[i]), view(biases[i]));

  const pst::SetLayout layout = set.layout();
  CHECK(layout.entries.front().name == "dense.weight");
  std::vector<double> values(static_cast<std::size_t>(layout.own)), gradients(static_cast<std::size_t>(layout.size));
  set.bind({values.data(), 1, layout.own}, {gradients.data(), 1, layout.size});
  set.begin_step(1, 1);
  const Matrix<double> x = test::normal(3, 6, 5), grad_y = test::normal(3, 4, 6);
  Matrix<double> y(3, 4), grad_x(3, 6);
  for (auto& layer : set) {
    layer.forward(view(x), view(y));
    layer.backward(view(x), view(grad_y), view(grad_x));
  }
  const Matrix<double> expected = grad_y.transpose() * x;
  CHECK((map(pst::MatrixView<const double>{gradients.data(), 4, 6}) - expected).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(set.kept() == 24 + 12);

  const std::vector<std::byte> state = set.save_bytes();
  weights[0].setZero();
  set.restore_bytes(state);
  CHECK(weights[0] == test::normal(4, 6, 1));
  set.zero_gradients();
  CHECK(map(pst::MatrixView<const double>{gradients.data(), 4, 6}).isZero(0));
}

TEST_CASE("a dense layer exports all of its weight") {
  Projection<double> dense = dense_projection<double>("d", {.in = 5, .out = 3});
  dense.weight = test::normal(3, 5, 1);
  dense.attach();
  Matrix<double> out;
  dense.export_weight(out);
  CHECK(out == dense.weight);
  CHECK(dense.layer.export_csr().value.size() == 15);
  CHECK(dense.layer.report().kept == 15);
  CHECK_THROWS_WITH_AS(dense.layer.set_mask({}), "layer d takes no mask", pst::Error);
  CHECK_THROWS_AS(dense.layer.attach(pst::MatrixView<const double>{out.data(), 3, 5}, {}), pst::Error);
}
