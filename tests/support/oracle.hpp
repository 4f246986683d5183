// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "support/host_matrix.hpp"

/// One step of PST in plain double loops, written from the equations of Li et al. (IJCAI 2022) alone. It shares no code
/// with the library but the type of an index.
namespace pst::test::oracle {

using Mat = HostMatrix<double>;

/// What dW~ learns through the mask.
enum class Rule { reference, masked, dense };

/// Everything one step starts from. Factors with rank 0 stand for terms that are left out.
struct Problem {
  Mat weight{}, u{}, v{}, a{}, b{}, r{}, c{};
  double alpha1 = 1, alpha2 = 1, beta = 1;
  bool magnitude = true;
  Rule rule = Rule::reference;
};

/// The tokens that the scores learn from.
struct ScoreTokens {
  bool any = true;  ///< false: the scores rest
  index_t stride = 1, first = 0;
};

struct Gradients {
  Mat u, v, a, b, r, c, weight, bias, x;
};

/// 1 keeps.
using Mask = std::vector<int>;

[[nodiscard]] inline std::size_t at(const Mat& m, index_t r, index_t c) {
  return static_cast<std::size_t>(r * m.cols() + c);
}

/// W~ = W0 + beta U V
[[nodiscard]] inline Mat effective_weight(const Problem& p) {
  Mat out = p.weight;
  for (index_t o = 0; o < out.rows(); ++o)
    for (index_t i = 0; i < out.cols(); ++i)
      for (index_t k = 0; k < p.u.cols(); ++k) out(o, i) += p.beta * p.u(o, k) * p.v(k, i);
  return out;
}
/// S = |W~| + alpha1 A B + alpha2 (R 1^T + 1 C^T)
[[nodiscard]] inline Mat scores(const Problem& p, const Mat& effective) {
  Mat out(effective.rows(), effective.cols());
  for (index_t o = 0; o < out.rows(); ++o)
    for (index_t i = 0; i < out.cols(); ++i) {
      double product = 0;
      for (index_t k = 0; k < p.a.cols(); ++k) product += p.a(o, k) * p.b(k, i);
      const double structured = p.r.rows() == 0 ? 0.0 : p.r(o, 0) + p.c(0, i);
      out(o, i) = (p.magnitude ? std::abs(effective(o, i)) : 0.0) + p.alpha1 * product + p.alpha2 * structured;
    }
  return out;
}
/// 0 at the trunc(size * sparsity) lowest entries, equal ones in row-major order.
[[nodiscard]] inline Mask lowest_pruned(const Mat& score, double sparsity) {
  const auto size = static_cast<std::size_t>(score.rows() * score.cols());
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto value = [&](std::size_t n) {
    return score(static_cast<index_t>(n) / score.cols(), static_cast<index_t>(n) % score.cols());
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t p, std::size_t q) { return value(p) < value(q); });
  Mask mask(size, 1);
  const auto pruned = static_cast<std::size_t>(static_cast<double>(size) * sparsity);
  for (std::size_t n = 0; n < pruned; ++n) mask[order[n]] = 0;
  return mask;
}
/// Y = X (M .* W~)^T + b
[[nodiscard]] inline Mat forward(const Mat& effective, const Mask& mask, const Mat& x, const Mat& bias) {
  Mat y(x.rows(), effective.rows());
  for (index_t t = 0; t < x.rows(); ++t)
    for (index_t o = 0; o < effective.rows(); ++o) {
      y(t, o) = bias.rows() == 0 ? 0.0 : bias(0, o);
      for (index_t i = 0; i < effective.cols(); ++i)
        if (mask[at(effective, o, i)] != 0) y(t, o) += x(t, i) * effective(o, i);
    }
  return y;
}
[[nodiscard]] inline Gradients backward(const Problem& p, const Mat& effective, const Mask& mask, const Mat& x,
                                        const Mat& grad_y, ScoreTokens tokens = {}) {
  const index_t out = effective.rows(), in = effective.cols();
  Gradients g{Mat(out, p.u.cols()), Mat(p.v.rows(), in), Mat(out, p.a.cols()), Mat(p.b.rows(), in), Mat(p.r.rows(), 1),
              Mat(p.c.rows(), in),  Mat(out, in),        Mat(1, out),          Mat(x.rows(), in)};
  for (index_t o = 0; o < out; ++o)
    for (index_t i = 0; i < in; ++i) {
      double gradient = 0;  // G = dY^T X
      for (index_t t = 0; t < x.rows(); ++t) gradient += grad_y(t, o) * x(t, i);
      double sampled = 0;  // what the scores see of it
      for (index_t t = tokens.first; tokens.any && t < x.rows(); t += tokens.stride)
        sampled += static_cast<double>(tokens.stride) * grad_y(t, o) * x(t, i);
      const bool kept = mask[at(effective, o, i)] != 0;
      const double w = effective(o, i), grad_score = sampled * w;  // dS = G .* W~
      double grad_weight = p.rule == Rule::dense || kept ? gradient : 0.0;
      if (p.rule == Rule::reference && p.magnitude) grad_weight += sampled * std::abs(w);  // dS .* sign(W~)
      g.weight(o, i) = grad_weight;
      for (index_t k = 0; k < p.u.cols(); ++k) {
        g.u(o, k) += p.beta * grad_weight * p.v(k, i);
        g.v(k, i) += p.beta * p.u(o, k) * grad_weight;
      }
      for (index_t k = 0; k < p.a.cols(); ++k) {
        g.a(o, k) += p.alpha1 * grad_score * p.b(k, i);
        g.b(k, i) += p.alpha1 * p.a(o, k) * grad_score;
      }
      if (p.r.rows() != 0) {
        g.r(o, 0) += p.alpha2 * grad_score;
        g.c(0, i) += p.alpha2 * grad_score;
      }
      if (kept)
        for (index_t t = 0; t < x.rows(); ++t) g.x(t, i) += grad_y(t, o) * w;
    }
  for (index_t t = 0; t < x.rows(); ++t)
    for (index_t o = 0; o < out; ++o) g.bias(0, o) += grad_y(t, o);
  return g;
}

}  // namespace pst::test::oracle
