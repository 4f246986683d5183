// SPDX-License-Identifier: Apache-2.0
#include "pst/delta/projected.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// A layer of an intrinsic dimension, with the vector that it shares.
template <class T, class Selector = KeepAll>
struct ProjectedLayer {
  using Scalar = typename T::scalar;
  using Backend = typename T::backend;
  using Layer = SparseLinear<Scalar, Magnitude, Projected<Backend, Scalar>, Selector, ConstantSchedule, MaskedGradient,
                             FrozenBias, Backend>;
  Backend on;
  IntrinsicVector<Backend, Scalar> vector;
  HostMatrix<Scalar> weight;
  Layer layer;

  ProjectedLayer(Shape shape, index_t dimension, bool scaled = false, Backend on_ = {}, std::uint64_t seed = 5)
      : on{on_},
        vector{on, dimension, seed},
        weight{Draw{1}.normal<Scalar>(shape.out, shape.in, 3)},
        layer{shape, {.delta = {&vector, scaled}, .schedule = {.sparsity = 0}, .name = "x"}, on} {
    layer.attach(weight.view());
  }
  void set(const oracle::Mat& z) { assign(vector.shared().value(), z); }
  /// W~ - W0
  [[nodiscard]] oracle::Mat update() {
    layer.refresh(0.5);
    HostMatrix<Scalar> effective(weight.rows(), weight.cols());
    layer.export_masked(effective.view());
    oracle::Mat out(weight.rows(), weight.cols());
    for (index_t r = 0; r < out.rows(); ++r)
      for (index_t c = 0; c < out.cols(); ++c)
        out(r, c) = static_cast<double>(effective(r, c)) - static_cast<double>(weight(r, c));
    return out;
  }
  /// P^T g, by the layer's backward.
  [[nodiscard]] oracle::Mat pulled_back(const oracle::Mat& g) {
    HostMatrix<Scalar> identity(g.cols(), g.cols()), grad_y(g.cols(), g.rows());
    for (index_t c = 0; c < g.cols(); ++c) {
      identity(c, c) = 1;
      for (index_t r = 0; r < g.rows(); ++r) grad_y(c, r) = static_cast<Scalar>(g(r, c));
    }
    vector.shared().zero_gradients(on);
    layer.zero_gradients();
    layer.backward(identity.view(), grad_y.view());
    return copy_of(vector.shared().grad()).template as<double>();
  }
};
double inner_product(const oracle::Mat& a, const oracle::Mat& b) {
  double sum = 0;
  for (index_t r = 0; r < a.rows(); ++r)
    for (index_t c = 0; c < a.cols(); ++c) sum += a(r, c) * b(r, c);
  return sum;
}
using Vector = std::vector<double>;
/// H x by the definition of H, times a factor.
Vector transformed(const Vector& x, double factor) {
  Vector out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t k = 0; k < x.size(); ++k) out[i] += factor * (std::popcount(i & k) % 2 == 0 ? x[k] : -x[k]);
  return out;
}
/// The seed of a layer called x whose own seed is 1, and whose vector has 5.
std::uint64_t seed_of_x() { return mix_bits(5 ^ derive_seed(derive_seed(1, std::string_view{"x"}), 'P')); }

/// The numbers of one block of H G Pi H B pad(z), with a sum of G^2 of n, in plain loops.
struct PlainBlock {
  fastfood::Block block;
  Vector pool;
  double square = 0;

  PlainBlock(index_t number, int log_size) : block{seed_of_x(), number, log_size}, pool(fastfood::pool_size) {
    for (index_t i = 0; i < fastfood::pool_size; ++i)
      pool[static_cast<std::size_t>(i)] = NormalAt{derive_seed(5, 'G')}(i);
    for (const double each : pool) square += each * each / fastfood::pool_size;
  }
  [[nodiscard]] std::size_t size() const { return std::size_t{1} << block.log_size; }
  [[nodiscard]] double normal(std::size_t i) const {
    return pool[static_cast<std::size_t>(block.at(static_cast<index_t>(i)).normal())];
  }
  [[nodiscard]] Vector forward(const oracle::Mat& z) const {
    Vector x(size());
    for (index_t i = 0; i < z.cols(); ++i) x[static_cast<std::size_t>(i)] = block.at(i).sign() * z(0, i);
    const Vector mixed = transformed(x, 1);
    Vector picked(size());
    for (std::size_t i = 0; i < size(); ++i)
      picked[i] = normal(i) * mixed[static_cast<std::size_t>(block.permuted(static_cast<index_t>(i)))];
    return transformed(picked, 1);
  }
  /// The transpose, where each transform counts `factor` times.
  [[nodiscard]] Vector backward(const Vector& g, double factor) const {
    const Vector mixed = transformed(g, factor);
    Vector placed(size());
    for (std::size_t i = 0; i < size(); ++i)
      placed[static_cast<std::size_t>(block.permuted(static_cast<index_t>(i)))] = normal(i) * mixed[i];
    Vector out = transformed(placed, factor);
    for (std::size_t i = 0; i < size(); ++i) out[i] *= block.at(static_cast<index_t>(i)).sign();
    return out;
  }
};

TEST_CASE_TEMPLATE("W~ is W0 + P z with the Fastfood blocks of the definition", T, ReferenceDouble, PartsDouble) {
  for (const Shape shape : {Shape{12, 9}, Shape{300, 7}, Shape{1, 1}})
    for (const index_t dimension : {1, 20, 64, 200}) {
      CAPTURE(shape.in);
      CAPTURE(dimension);
      ProjectedLayer<T> one{shape, dimension};
      const auto z = Draw{2}.normal<double>(1, dimension);
      CHECK(inner_product(one.update(), one.update()) == 0);  // z is zero at first
      one.set(z);
      const oracle::Mat found = one.update();
      const int log_size = one.vector.log_size();
      oracle::Mat expected(shape.out, shape.in);
      const index_t n = index_t{1} << log_size;
      for (index_t number = 0; number * n < shape.size(); ++number) {
        const PlainBlock block{number, log_size};
        const Vector outputs = block.forward(z);
        const double scale = 1 / std::sqrt(static_cast<double>(n * shape.size()) * block.square);
        for (index_t r = 0; r < shape.out; ++r)
          for (index_t c = 0; c < shape.in; ++c) {
            const index_t strip = c / 256 * 256, width = std::min<index_t>(256, shape.in - strip);
            const index_t at = strip * shape.out + r * width + c - strip - number * n;
            if (at >= 0 && at < n) expected(r, c) = scale * outputs[static_cast<std::size_t>(at)];
          }
      }
      CHECK(distance(found, expected) <= tolerances<double>::value);
    }
}

TEST_CASE_TEMPLATE("what the layer learns is the adjoint of what it computes", T, ReferenceDouble, PartsFloat) {
  for (const Shape shape : {Shape{12, 9}, Shape{300, 40}, Shape{3, 2}})
    for (const index_t dimension : {1, 20, 200}) {
      ProjectedLayer<T> one{shape, dimension};
      const auto z = Draw{2}.normal<double>(1, dimension), g = Draw{3}.normal<double>(shape.out, shape.in);
      one.set(z);
      const double forward = inner_product(one.update(), g), backward = inner_product(z, one.pulled_back(g));
      const double size = std::sqrt(inner_product(z, z) * inner_product(g, g));
      CHECK(std::abs(forward - backward) <= 10 * tolerances<typename T::scalar>::value * size);
      CHECK(std::abs(forward) > 1e-3 * size);
    }
}

TEST_CASE("a backward that scales each transform by 1 / sqrt(n), as published code does, is not the adjoint") {
  const int log_size = 5;
  const PlainBlock block{0, log_size};
  const auto z = Draw{2}.normal<double>(1, 20);
  Vector g;
  for (index_t i = 0; i < 32; ++i) g.push_back(Draw{3}.normal<double>(1, 32)(0, i));
  const auto product = [](const Vector& a, const Vector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += a[i] * b[i];
    return sum;
  };
  const Vector vector{z.view().row(0), z.view().row(0) + 20};
  const double forward = product(block.forward(z), g);
  CHECK(std::abs(product(vector, block.backward(g, 1)) / forward - 1) < 1e-12);
  const double published = product(vector, block.backward(g, 1 / std::sqrt(32.0)));
  CHECK(std::abs(published / forward - 1.0 / 32) < 1e-12);  // too small by n, which differs between weights
}

TEST_CASE("a projection keeps lengths in the mean") {
  double sum = 0;
  constexpr int draws = 40;
  const auto z = Draw{2}.normal<double>(1, 20);
  for (int seed = 0; seed < draws; ++seed) {
    ProjectedLayer<ReferenceDouble> one{{.in = 20, .out = 15}, 20, false, {}, static_cast<std::uint64_t>(seed)};
    one.set(z);
    sum += inner_product(one.update(), one.update()) / inner_product(z, z);
  }
  CHECK(std::abs(sum / draws - 1) < 0.1);  // one draw has a deviation of about 0.2
}

TEST_CASE_TEMPLATE("z and lambda have the gradients of finite differences", T, ReferenceDouble, PartsDouble) {
  const Shape shape{.in = 7, .out = 6};
  ProjectedLayer<T> one{shape, 5, true};
  auto z = Draw{2}.normal<double>(1, 5);
  const auto x = Draw{4}.normal<double>(3, shape.in), grad_y = Draw{5}.normal<double>(3, shape.out);
  const auto lambda = parameter_of(one.layer, "delta.lambda");
  CHECK(one.layer.layout().size == 1);
  CHECK(lambda.value(0, 0) == 1);
  lambda.value(0, 0) = 1.5;
  const auto loss = [&] {
    one.set(z);
    one.layer.refresh(0.5);
    oracle::Mat y(3, shape.out);
    one.layer.forward(x.view(), y.view());
    return inner_product(y, grad_y);
  };
  loss();
  one.layer.begin_step(1, 2);
  for (int batch = 0; batch < 2; ++batch) one.layer.backward(x.view(), grad_y.view());
  const oracle::Mat found = copy_of(one.vector.shared().grad());
  const double of_lambda = lambda.grad(0, 0);
  for (index_t c = 0; c < 5; ++c) {
    const double expected = 2 * central_difference(z(0, c), loss);
    CHECK(std::abs(found(0, c) - expected) <= difference_tolerance * (1 + std::abs(expected)));
  }
  const double expected = 2 * central_difference(lambda.value(0, 0), loss);
  CHECK(std::abs(of_lambda - expected) <= difference_tolerance * (1 + std::abs(expected)));
  CHECK(std::abs(expected) > 0.01);
}

TEST_CASE("layers that share a vector have projections of their own, and add up their gradients") {
  using One = ProjectedLayer<EigenDouble>;
  const Shape shape{.in = 20, .out = 10};
  One one{shape, 30};
  One::Layer other{shape, {.delta = {&one.vector}, .schedule = {.sparsity = 0}, .name = "y"}, one.on};
  other.attach(one.weight.view());
  one.set(Draw{2}.normal<double>(1, 30));
  const auto x = Draw{4}.normal<double>(3, shape.in), grad_y = Draw{5}.normal<double>(3, shape.out);
  oracle::Mat y(3, shape.out), of_other(3, shape.out);
  const auto gradient_of = [&](auto&&... layers) {
    one.vector.shared().zero_gradients(one.on);
    (layers.refresh(0.5), ...);
    (layers.backward(x.view(), grad_y.view()), ...);
    return copy_of(one.vector.shared().grad());
  };
  const auto first = gradient_of(one.layer), second = gradient_of(other), both = gradient_of(one.layer, other);
  CHECK(distance(first, second) > 0.01);
  for (index_t c = 0; c < 30; ++c) CHECK(std::abs(both(0, c) - first(0, c) - second(0, c)) < 1e-12);
  one.layer.forward(x.view(), y.view());
  other.forward(x.view(), of_other.view());
  CHECK(distance(y, of_other) > 0.01);
}

TEST_CASE("a projection has the same bits on any number of threads, in a clone, and after it was restored") {
  using One = ProjectedLayer<EigenFloat, TopK>;
  const Shape shape{.in = 270, .out = 200};  // in two parts
  One one{shape, 700, true, EigenCpu{1}}, four{shape, 700, true, EigenCpu{4}};
  const auto z = Draw{2}.normal<float>(1, 700);
  const auto x = Draw{4}.normal<float>(20, shape.in), grad_y = Draw{5}.normal<float>(20, shape.out);
  const auto pass = [&](auto& with, auto& layer) {
    assign(with.vector.shared().value(), z);
    with.vector.shared().zero_gradients(with.on);
    layer.begin_step(1, 1);
    HostMatrix<float> y(20, shape.out), grad_x(20, shape.in);
    layer.forward(x.view(), y.view());
    layer.backward(x.view(), grad_y.view(), grad_x.view());
    std::vector<float> trace;
    for (const auto view : {MatrixView<const float>{y.view()}, MatrixView<const float>{grad_x.view()},
                            MatrixView<const float>{with.vector.shared().grad()}})
      for (index_t r = 0; r < view.rows; ++r) trace.insert(trace.end(), view.row(r), view.row(r) + view.cols);
    trace.push_back(parameter_of(layer, "delta.lambda").grad(0, 0));
    return trace;
  };
  parameter_of(one.layer, "delta.lambda").value(0, 0) = parameter_of(four.layer, "delta.lambda").value(0, 0) = 0.7F;
  const auto trace = pass(one, one.layer);
  CHECK(pass(four, four.layer) == trace);
  auto clone = one.layer.clone();
  CHECK(clone.save_bytes() == one.layer.save_bytes());
  CHECK(pass(one, clone) == trace);
  One restored{shape, 700, true, EigenCpu{2}};
  restored.layer.restore(one.layer.save());
  CHECK(pass(restored, restored.layer) == trace);
}

TEST_CASE("W~ is that of z at the last refresh, and nothing of the weight's size is kept") {
  ProjectedLayer<EigenFloat> one{{.in = 600, .out = 400}, 100};
  one.layer.refresh(0.5);
  one.set(Draw{2}.normal<double>(1, 100));
  HostMatrix<float> effective(400, 600);
  one.layer.export_masked(effective.view());
  CHECK(distance(effective, one.weight) == 0);
  CHECK(one.layer.layout().size == 0);
  CHECK(inner_product(one.update(), one.update()) > 1);
  ProjectedLayer<EigenFloat>::Layer::with<Frozen> frozen{{.in = 600, .out = 400}};
  frozen.attach(one.weight.view());
  frozen.refresh(0.5);
  CHECK(one.layer.report().training_bytes == frozen.report().training_bytes + 101 * sizeof(float));
}

TEST_CASE("a dimension that is none, a missing vector and numbers that are not finite are refused by name") {
  Reference on;
  using Refused = IntrinsicVector<Reference, float>;
  CHECK(error_of([&] { Refused{on, 0, 1}; }) == "the intrinsic dimension is 0, expected 1 to 1048576");
  CHECK(error_of([&] { Refused{on, (index_t{1} << 20) + 1, 1}; }).starts_with("the intrinsic dimension is 1048577"));
  ProjectedLayer<ReferenceFloat> one{{.in = 4, .out = 3}, 6};
  ProjectedLayer<ReferenceFloat>::Layer none{{.in = 4, .out = 3}};
  CHECK(error_of([&] {
          none.attach(one.weight.view());
        }).starts_with("a projected update has no vector, expected the IntrinsicVector that all layers share"));
  one.layer.refresh(0.5);
  one.vector.shared().value()(0, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { one.vector.check(one.on); }) ==
        "the vector of all layers: intrinsic.z is nan at row 0, column 2, expected finite numbers");
  CHECK(error_of([&] { one.layer.refresh(0.5); }).find("the effective weight is nan") != std::string::npos);
}

}  // namespace
}  // namespace pst::test
