// SPDX-License-Identifier: Apache-2.0
#include "pst/storage/stored_as.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "pst/backend/thrust.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// A weight in 16 bits, and the same numbers widened.
template <class Number, class Scalar>
struct Stored {
  Shape shape;
  std::vector<Number> small;
  std::vector<Scalar> wide;

  explicit Stored(Shape shape_) : shape{shape_} {
    const NormalAt normal{7};
    for (index_t i = 0; i < shape.size(); ++i) {
      small.push_back(Number(normal(i)));
      wide.push_back(static_cast<Scalar>(small.back()));
    }
  }
};
/// One step; everything that comes out.
template <class Layer, class Scalar>
std::vector<Scalar> outcome(Layer& layer, index_t tokens) {
  const auto [in, out] = layer.shape();
  const auto x = Draw{1}.normal<Scalar>(tokens, in, 3), grad_y = Draw{2}.normal<Scalar>(tokens, out, 1);
  HostMatrix<Scalar> y(tokens, out), grad_x(tokens, in), weight(out, in);
  layer.begin_step(1, 2);
  layer.forward(x.view(), y.view());
  layer.backward(x.view(), grad_y.view(), grad_x.view());
  layer.export_masked(weight.view());
  std::vector<Scalar> all;
  const auto add = [&](MatrixView<const Scalar> view) {
    for (index_t r = 0; r < view.rows; ++r)
      for (index_t c = 0; c < view.cols; ++c) all.push_back(view(r, c));
  };
  add(y.view()), add(grad_x.view()), add(weight.view());
  layer.for_each_parameter([&](const auto& p) { add(p.grad); });
  return all;
}

TEST_CASE_TEMPLATE("a weight of 16 bits gives the bits of the same weight widened", Number, BFloat16, Half) {
  const auto check = [&]<class Scalar, class Backend>(Scalar, Backend) {
    using Wide = typename SparseLinear<Scalar>::template with<Backend>::template with<DynamicRank>::template with<
        ConstantSchedule>;
    using Small = typename Wide::template with<StoredAs<Number>>;
    for (Shape shape : {Shape{1, 1}, Shape{70, 33}, Shape{300, 100}})
      for (double sparsity : {0.0, 0.5, 0.9}) {
        const Stored<Number, Scalar> weight{shape};
        Wide wide{shape, {.schedule = {.sparsity = sparsity}}};
        Small small{shape, {.schedule = {.sparsity = sparsity}}};
        wide.attach(MatrixView<const Scalar>{weight.wide.data(), shape.out, shape.in});
        small.attach(MatrixView<const Number>{weight.small.data(), shape.out, shape.in});
        CHECK(outcome<Small, Scalar>(small, 5) == outcome<Wide, Scalar>(wide, 5));
        CHECK(small.report().dense_bytes == static_cast<std::size_t>(2 * shape.size()));
      }
  };
  check(float{}, EigenCpu{2});
  check(double{}, EigenCpu{1});
  check(float{}, Reference{});
  check(float{}, ThrustCpp{});
}
TEST_CASE("a rank is chosen from a weight of 16 bits, and a frozen one is multiplied with") {
  const Stored<BFloat16, float> weight{{.in = 40, .out = 30}};
  using Layer = SparseLinear<>::with<Magnitude>::with<Frozen>::with<ConstantSchedule>::with<StoredAs<BFloat16>>;
  Layer frozen{weight.shape, {.schedule = {.sparsity = 0.5}}};
  frozen.attach(MatrixView<const BFloat16>{weight.small.data(), 30, 40});
  frozen.begin_step(0, 1);
  CHECK(frozen.kept() == 600);
  SparseLinear<>::with<EnergyRank>::with<StoredAs<BFloat16>> chosen{weight.shape};
  chosen.attach(MatrixView<const BFloat16>{weight.small.data(), 30, 40});
  CHECK(parameter_of(chosen, "delta.U").value.cols > 1);
}
TEST_CASE_TEMPLATE("NaN and Inf in a weight of 16 bits are named", Number, BFloat16, Half) {
  Stored<Number, float> weight{{.in = 5, .out = 4}};
  weight.small[7] = Number(std::numeric_limits<double>::infinity());
  SparseLinear<>::with<StoredAs<Number>> layer{weight.shape, {.name = "fc"}};
  CHECK(error_of([&] {
          layer.attach(MatrixView<const Number>{weight.small.data(), 4, 5});
        }) == "layer fc: the weight is inf at row 1, column 2, expected finite numbers");
}
static_assert(TrainsWhatItStores<LowRank<>, StoredAs<Half>, float>);
static_assert(!TrainsWhatItStores<Full, StoredAs<Half>, float>);
static_assert(TrainsWhatItStores<Full, StoredAsScalar, double>);
static_assert(is_finite(BFloat16(1e38)) && !is_finite(BFloat16(std::numeric_limits<double>::quiet_NaN())));
static_assert(is_finite(Half(65504)) && !is_finite(Half(65520)));

}  // namespace
}  // namespace pst::test
