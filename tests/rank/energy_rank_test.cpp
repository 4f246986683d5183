// SPDX-License-Identifier: Apache-2.0
#include "pst/rank/energy_rank.hpp"

#include <doctest/doctest.h>

#include <Eigen/QR>
#include <Eigen/SVD>
#include <cmath>
#include <limits>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

// In long double Eigen uses no vectors, of which g++ 12 warns falsely (its bug 105593).
using Dense = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
using Values = Eigen::Matrix<long double, Eigen::Dynamic, 1>;

/// A matrix with the given singular values and random singular vectors.
template <class Scalar>
HostMatrix<Scalar> with_spectrum(index_t rows, index_t cols, const std::vector<double>& values) {
  const auto basis = [](index_t size, index_t count, std::uint64_t seed) -> Dense {
    const auto draw = Draw{seed}.normal<double>(size, count);
    Dense random(size, count);
    for (index_t r = 0; r < size; ++r)
      for (index_t c = 0; c < count; ++c) random(r, c) = draw(r, c);
    return Eigen::HouseholderQR<Dense>(random).householderQ() * Dense::Identity(size, count);
  };
  const auto count = static_cast<index_t>(values.size());
  Values diagonal(count);
  for (index_t n = 0; n < count; ++n) diagonal[n] = values[static_cast<std::size_t>(n)];
  const Dense made = basis(rows, count, 1) * diagonal.asDiagonal() * basis(cols, count, 2).transpose();
  HostMatrix<Scalar> out(rows, cols, 3);
  for (index_t r = 0; r < rows; ++r)
    for (index_t c = 0; c < cols; ++c) out(r, c) = static_cast<Scalar>(made(r, c));
  return out;
}
std::vector<double> decaying(int count, double ratio) {
  std::vector<double> values;
  for (int n = 0; n < count; ++n) values.push_back(std::pow(ratio, n));
  return values;
}
/// From the full SVD: the smallest rank that holds the energy, as the definition says.
template <class Scalar>
index_t rank_by_full_svd(const HostMatrix<Scalar>& weight, double energy) {
  Dense dense(weight.rows(), weight.cols());
  for (index_t r = 0; r < weight.rows(); ++r)
    for (index_t c = 0; c < weight.cols(); ++c) dense(r, c) = static_cast<long double>(weight(r, c));
  const Values values = Eigen::JacobiSVD<Dense>(dense).singularValues();
  long double held = 0;
  for (index_t r = 0; r < values.size(); ++r) {
    held += values[r] * values[r];
    if (held >= energy * values.squaredNorm()) return r + 1;
  }
  return values.size();
}

TEST_CASE_TEMPLATE("the rank is that of a full SVD when the spectrum decays", T, ReferenceFloat, ReferenceDouble,
                   EigenFloat, EigenDouble) {
  using Scalar = typename T::scalar;
  typename T::backend on;
  for (double ratio : {0.5, 0.8, 0.9})
    for (Shape shape : {Shape{30, 40}, Shape{64, 21}, Shape{50, 50}}) {
      const auto weight = with_spectrum<Scalar>(shape.out, shape.in, decaying(20, ratio));
      for (double energy : {1e-6, 0.3, 0.5, 0.9, 0.97}) {
        CAPTURE(ratio);
        CAPTURE(energy);
        CHECK(EnergyRank{.energy = energy, .limit = 16}.choose(on, weight.view()) == rank_by_full_svd(weight, energy));
      }
    }
}
TEST_CASE_TEMPLATE("the squared singular values are those of the full SVD", T, ReferenceDouble, EigenDouble) {
  typename T::backend on;
  const auto values = decaying(12, 0.7);
  const auto weight = with_spectrum<double>(33, 47, values);
  const auto squares = EnergyRank{.limit = 8}.squared_singular_values(on, weight.view());
  REQUIRE(squares.size() == 16);
  for (std::size_t n = 0; n < squares.size(); ++n)
    CHECK(std::abs(squares[n] - (n < values.size() ? values[n] * values[n] : 0.0)) <= tolerances<double>::value);
}
TEST_CASE_TEMPLATE("all the energy of a matrix of rank 5 is held by 5", T, ReferenceFloat, ReferenceDouble, EigenFloat,
                   EigenDouble) {
  typename T::backend on;
  const auto weight = with_spectrum<typename T::scalar>(40, 30, {3, 2.5, 2, 1.5, 1});
  CHECK(EnergyRank{.energy = 1.0}.choose(on, weight.view()) == 5);
}
TEST_CASE_TEMPLATE("the rank ends at the limit, at either side and at 1", T, ReferenceFloat, EigenDouble) {
  using Scalar = typename T::scalar;
  typename T::backend on;
  const auto flat = with_spectrum<Scalar>(40, 30, std::vector<double>(30, 1.0));
  CHECK(EnergyRank{.energy = 1.0, .limit = 7}.choose(on, flat.view()) == 7);
  CHECK(EnergyRank{.energy = 1.0, .limit = 100}.choose(on, flat.view()) == 30);
  CHECK(EnergyRank{.energy = 1e-12}.choose(on, flat.view()) == 1);
  const auto row = Draw{1}.normal<Scalar>(1, 50), column = Draw{1}.normal<Scalar>(50, 1);
  CHECK(EnergyRank{.energy = 1.0}.choose(on, row.view()) == 1);
  CHECK(EnergyRank{.energy = 1.0}.choose(on, column.view()) == 1);
  const HostMatrix<Scalar> zero(6, 5);
  CHECK(EnergyRank{.energy = 1.0}.choose(on, zero.view()) == 1);
}
TEST_CASE("an energy outside (0, 1] and a limit below 1 are refused") {
  Reference on;
  const HostMatrix<float> weight(3, 3);
  const auto choose = [&](double energy, index_t limit) {
    return error_of([&] { (void)EnergyRank{energy, limit}.choose(on, weight.view()); });
  };
  CHECK(choose(0, 8) == "EnergyRank.energy is 0, expected a number in (0, 1]");
  CHECK(choose(1.5, 8) == "EnergyRank.energy is 1.5, expected a number in (0, 1]");
  CHECK(choose(std::numeric_limits<double>::quiet_NaN(), 8) == "EnergyRank.energy is nan, expected a number in (0, 1]");
  CHECK(choose(0.9, 0) == "EnergyRank.limit is 0, expected at least 1");
}
TEST_CASE_TEMPLATE("a layer gets factors of the chosen rank", T, ReferenceFloat, EigenFloat) {
  const auto weight = with_spectrum<float>(40, 30, {3, 2.5, 2, 1.5, 1});
  typename SparseLinear<float>::with<typename T::backend>::template with<EnergyRank> layer{
      {.in = 30, .out = 40}, {.delta = {.rank = {.energy = 1.0}}}};
  layer.attach(weight.view());
  CHECK(parameter_of(layer, "delta.U").value.cols == 5);
  CHECK(parameter_of(layer, "delta.V").value.rows == 5);
}
TEST_CASE("a limit above every rank does not wrap") {
  Reference on;
  const auto weight = Draw{1}.normal<float>(5, 4);
  const EnergyRank rank{.energy = 1, .limit = std::numeric_limits<index_t>::max()};
  CHECK(rank.choose(on, weight.view()) == 4);
}

}  // namespace
}  // namespace pst::test
