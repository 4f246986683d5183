// SPDX-License-Identifier: Apache-2.0
// The only file that knows the libraries. CMake defines COMPARE_OPENBLAS and COMPARE_ONEDNN where it found them.
#include "blas.hpp"

#ifdef COMPARE_OPENBLAS
#include <cblas.h>
#endif
#ifdef COMPARE_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace compare {

namespace {

void eigen_gemm(bool transpose_a, bool transpose_b, index_t m, index_t n, index_t k, const float* a, const float* b,
                float beta, float* c) {
  using Map = Eigen::Map<const EigenMatrix>;
  Eigen::Map<EigenMatrix> out{c, m, n};
  const auto write = [&](const auto& product) {
    if (beta == 0)
      out.noalias() = product;
    else
      out.noalias() += product;
  };
  const auto with_a = [&](const auto& left) {
    if (transpose_b)
      write(left * Map{b, n, k}.transpose());
    else
      write(left * Map{b, k, n});
  };
  if (transpose_a)
    with_a(Map{a, k, m}.transpose());
  else
    with_a(Map{a, m, k});
}
std::string eigen_version() {
  return std::to_string(EIGEN_WORLD_VERSION) + '.' + std::to_string(EIGEN_MAJOR_VERSION) + '.' +
         std::to_string(EIGEN_MINOR_VERSION);
}

#ifdef COMPARE_OPENBLAS
void openblas_gemm(bool transpose_a, bool transpose_b, index_t m, index_t n, index_t k, const float* a, const float* b,
                   float beta, float* c) {
  const auto rows = static_cast<blasint>(m), cols = static_cast<blasint>(n), depth = static_cast<blasint>(k);
  const auto b_stride = transpose_b ? depth : cols;
  if (rows == 1)  // not found out by OpenBLAS itself, and worth a lot
    return cblas_sgemv(CblasRowMajor, transpose_b ? CblasNoTrans : CblasTrans, transpose_b ? cols : depth, b_stride, 1,
                       b, b_stride, a, 1, beta, c, 1);
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, rows,
              cols, depth, 1, a, transpose_a ? rows : depth, b, b_stride, beta, c, cols);
}
std::string openblas_version() {
  // "OpenBLAS 0.3.21 NO_LAPACKE ...": the second word is the version.
  const std::string config = openblas_get_config();
  const auto begin = config.find(' ') + 1;
  return config.substr(begin, config.find(' ', begin) - begin) + " with kernels for " + openblas_get_corename();
}
#endif

#ifdef COMPARE_ONEDNN
void onednn_gemm(bool transpose_a, bool transpose_b, index_t m, index_t n, index_t k, const float* a, const float* b,
                 float beta, float* c) {
  dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a, transpose_a ? m : k, b,
             transpose_b ? k : n, beta, c, n);
}
std::string onednn_version() {
  const dnnl_version_t* const version = dnnl_version();
  return std::to_string(version->major) + '.' + std::to_string(version->minor) + '.' + std::to_string(version->patch);
}
#endif

}  // namespace

std::vector<Blas> available_blas() {
  std::vector<Blas> all;
  all.push_back({"Eigen", eigen_version(), [](int threads) { Eigen::setNbThreads(threads); }, eigen_gemm});
#ifdef COMPARE_OPENBLAS
  all.push_back({"OpenBLAS", openblas_version(), openblas_set_num_threads, openblas_gemm});
#endif
#ifdef COMPARE_ONEDNN
  all.push_back({"oneDNN", onednn_version(), omp_set_num_threads, onednn_gemm});
#endif
  return all;
}

}  // namespace compare
