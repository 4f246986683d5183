// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/config.hpp>

#include <string>
#include <vector>

#include "matrices.hpp"

namespace compare {

using bench::EigenMatrix;
using pst::index_t;

/// A library of dense products; all matrices are row-major and without gaps.
struct Blas {
  std::string name;
  std::string version;
  void (*use_threads)(int threads);
  /// c (m x n) = op(a) op(b) + beta c, with op(a) m x k and op(b) k x n.
  void (*gemm)(bool transpose_a, bool transpose_b, index_t m, index_t n, index_t k, const float* a, const float* b,
               float beta, float* c);
};

/// Eigen, and those others that this program was built with.
[[nodiscard]] std::vector<Blas> available_blas();

/// A matrix or its transpose, as the side of a product.
struct Side {
  const EigenMatrix& matrix;
  bool transposed = false;

  [[nodiscard]] index_t rows() const { return transposed ? matrix.cols() : matrix.rows(); }
  [[nodiscard]] index_t cols() const { return transposed ? matrix.rows() : matrix.cols(); }
};
[[nodiscard]] inline Side transposed(const EigenMatrix& matrix) { return {matrix, true}; }

enum class Write { over, add };

/// out = a b, or out += a b.
inline void multiply(const Blas& blas, Side a, Side b, EigenMatrix& out, Write write = Write::over) {
  blas.gemm(a.transposed, b.transposed, a.rows(), b.cols(), a.cols(), a.matrix.data(), b.matrix.data(),
            write == Write::add ? 1.0F : 0.0F, out.data());
}

}  // namespace compare
