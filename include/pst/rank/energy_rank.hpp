// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "pst/concepts/rank.hpp"
#include "pst/core/error.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The smallest rank whose singular values hold a fraction of the weight's energy:
/// sum of the r largest sigma^2 >= energy * norm(W)^2, but at most `limit`.
///
/// The spectrum comes from a randomised SVD (Halko, Martinsson, Tropp 2011) with `limit` + 8 directions and two power
/// iterations when the layer is first attached: about 10 (limit + 8) out in flops. Pretrained weights have flat
/// spectra, so a high energy often ends at the limit.
/// A state is restored into a layer that was attached to the same weight; after `Full` has changed it, use
/// `DynamicRank` with the rank that was found.
/// @ingroup rank
struct EnergyRank {
  using role = roles::rank;
  double energy = 0.9;
  index_t limit = 64;

  /// Throws when `energy` is outside (0, 1] or `limit` is below 1.
  template <class B, class WeightView>
  [[nodiscard]] index_t choose(B& on, WeightView weight) const {
    require(energy > 0 && energy <= 1, "EnergyRank.energy is ", energy, ", expected a number in (0, 1]");
    require(limit >= 1, "EnergyRank.limit is ", limit, ", expected at least 1");
    const double wanted = energy * on.squared_norm(weight);
    double held = 0;
    const std::vector<double> squares = squared_singular_values(on, weight);
    const index_t most = std::min({limit, weight.rows, weight.cols});
    for (index_t r = 1; r <= most; ++r) {
      held += squares[static_cast<std::size_t>(r - 1)];
      if (held >= wanted * (1 - 1e-6)) return r;  // a full sum may miss the norm by rounding
    }
    return most;
  }

  /// The largest squared singular values, descending: min(limit + 8, rows, cols) of them.
  template <class B, class WeightView>
  [[nodiscard]] std::vector<double> squared_singular_values(B& on, WeightView weight) const {
    using T = typename WeightView::value_type;
    const index_t sides = std::min(weight.rows, weight.cols);
    const index_t directions = std::min(std::min(limit, sides) + 8, sides);
    Matrix<B, T> left(weight.rows, directions), right(weight.cols, directions);
    on.generate(right.view(), NormalMatrix{NormalAt{1}, directions});
    for (int power = 0; power < 3; ++power) {  // left <- orthonormal basis of W right; right <- W^T left
      on.fill(left.view(), T{0});
      on.gemm(1.0, weight, right.view(), left.view());
      orthonormalise(on, left);
      on.fill(right.view(), T{0});
      on.gemm_tn(1.0, weight, left.view(), right.view());
    }
    return gram_eigenvalues(on, right);
  }

 private:
  using Columns = std::vector<std::vector<double>>;

  template <class B, class T>
  static Columns columns_of(B& on, const Matrix<B, T>& matrix) {
    const auto view = matrix.view();
    std::vector<T> host(static_cast<std::size_t>(view.size()));
    on.copy_out(view, MatrixView<T>{host.data(), view.rows, view.cols});
    Columns columns(static_cast<std::size_t>(view.cols), std::vector<double>(static_cast<std::size_t>(view.rows)));
    for (std::size_t r = 0, at = 0; r < static_cast<std::size_t>(view.rows); ++r)
      for (auto& column : columns) column[r] = static_cast<double>(host[at++]);
    return columns;
  }
  static double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }
  /// Gram-Schmidt, twice for stability; a column that vanishes becomes zero.
  template <class B, class T>
  static void orthonormalise(B& on, Matrix<B, T>& matrix) {
    Columns q = columns_of(on, matrix);
    for (std::size_t j = 0; j < q.size(); ++j) {
      const double before = std::sqrt(dot(q[j], q[j]));
      for (int twice = 0; twice < 2; ++twice)
        for (std::size_t k = 0; k < j; ++k) {
          const double along = dot(q[k], q[j]);
          for (std::size_t i = 0; i < q[j].size(); ++i) q[j][i] -= along * q[k][i];
        }
      const double norm = std::sqrt(dot(q[j], q[j]));
      const double scale = norm > 1e-6 * before && norm > 0 ? 1 / norm : 0;
      for (double& value : q[j]) value *= scale;
    }
    std::vector<T> host;
    for (std::size_t r = 0; r < q.front().size(); ++r)
      for (const auto& column : q) host.push_back(static_cast<T>(column[r]));
    const auto view = matrix.view();
    on.copy_in(MatrixView<const T>{host.data(), view.rows, view.cols}, view);
  }
  /// Eigenvalues of M^T M, descending, by cyclic Jacobi rotations.
  template <class B, class T>
  static std::vector<double> gram_eigenvalues(B& on, const Matrix<B, T>& matrix) {
    const Columns m = columns_of(on, matrix);
    const std::size_t n = m.size();
    Columns a(n, std::vector<double>(n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) a[i][j] = dot(m[i], m[j]);
    for (int sweep = 0; sweep < 12; ++sweep)
      for (std::size_t p = 0; p + 1 < n; ++p)
        for (std::size_t q = p + 1; q < n; ++q) rotate(a, p, q);
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = std::max(a[i][i], 0.0);
    std::sort(values.begin(), values.end(), std::greater{});
    return values;
  }
  /// One Jacobi rotation: makes a[p][q] zero.
  static void rotate(Columns& a, std::size_t p, std::size_t q) {
    if (a[p][q] == 0) return;
    const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
    const double c = 1 / std::sqrt(t * t + 1), s = t * c;
    for (std::size_t k = 0; k < a.size(); ++k) {
      const double kp = a[k][p], kq = a[k][q];
      a[k][p] = c * kp - s * kq, a[k][q] = s * kp + c * kq;
    }
    for (std::size_t k = 0; k < a.size(); ++k) {
      const double pk = a[p][k], qk = a[q][k];
      a[p][k] = c * pk - s * qk, a[q][k] = s * pk + c * qk;
    }
  }
};
static_assert(RankPolicy<EnergyRank>);

}  // namespace pst::PST_ABI
