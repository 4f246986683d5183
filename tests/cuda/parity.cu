// SPDX-License-Identifier: Apache-2.0

// Whole layers on a GPU against Reference on the host: two refreshes of the mask, forward, backward and the masked
// weight, for every policy. Prints a line for each layer and exits with 1 when one differs, with 77 when there is no
// GPU.

#include <thrust/device_vector.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "pst/cuda.cuh"

namespace {

using pst::index_t;

template <class T>
std::vector<T> draw(std::uint64_t seed, index_t count, double scale) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (index_t i = 0; i < count; ++i)
    values[static_cast<std::size_t>(i)] = static_cast<T>(scale * pst::NormalAt{seed}(i));
  return values;
}

/// A matrix on the host and, for a device layer, its twin there.
template <class T, class Space>
class Twin {
 public:
  Twin(index_t rows, index_t cols, std::vector<T> host) : rows_{rows}, cols_{cols}, host_{std::move(host)} {
    if constexpr (on_device) device_ = host_;
  }
  pst::MatrixView<T, Space> view() {
    if constexpr (on_device)
      return {thrust::raw_pointer_cast(device_.data()), rows_, cols_};
    else
      return {host_.data(), rows_, cols_};
  }
  std::vector<T> values() const {
    std::vector<T> out = host_;
    if constexpr (on_device) thrust::copy(device_.begin(), device_.end(), out.begin());
    return out;
  }

 private:
  static constexpr bool on_device = std::is_same_v<Space, pst::DeviceSpace>;
  index_t rows_, cols_;
  std::vector<T> host_;
  thrust::device_vector<T> device_;
};

/// Everything that one run gives: tensors by name.
template <class Layer>
pst::TensorList run(index_t out, index_t in, index_t tokens, double dense_above) {
  using T = typename Layer::scalar;
  using Space = typename Layer::backend::space;
  typename Layer::Options options;
  options.dense_above_density = dense_above;
  Layer layer{pst::Shape{in, out}, options};
  Twin<T, Space> weight{out, in, draw<T>(1, out * in, 0.1)}, bias{1, out, draw<T>(2, out, 0.1)};
  Twin<T, Space> x{tokens, in, draw<T>(3, tokens * in, 1)}, grad_y{tokens, out, draw<T>(4, tokens * out, 1)};
  Twin<T, Space> y{tokens, out, std::vector<T>(static_cast<std::size_t>(tokens * out))};
  Twin<T, Space> grad_x{tokens, in, std::vector<T>(static_cast<std::size_t>(tokens * in))};
  Twin<T, Space> masked{out, in, std::vector<T>(static_cast<std::size_t>(out * in))};
  layer.attach(weight.view(), bias.view());

  pst::TensorList state = layer.save();  // factors that are not zero, so that every gradient is
  for (std::size_t i = 0; i < state.size(); ++i)
    if (state[i].dtype == pst::dtype_of<T> && state[i].name != "sparsity" && state[i].name != "weight" &&
        state[i].name != "bias" && state[i].name != "score.S")
      state[i] = pst::Tensor::from<T>(state[i].name, state[i].shape, draw<T>(10 + i, state[i].size(), 0.1));
  layer.restore(state);

  pst::TensorList results;
  const auto keep = [&](std::string name, std::vector<T> values) {
    const auto count = static_cast<index_t>(values.size());
    results.push_back(pst::Tensor::from<T>(std::move(name), {count}, values));
  };
  for (const int step : {2, 5}) {
    layer.begin_step(step, 5);
    layer.forward(x.view(), y.view());
    layer.backward(x.view(), grad_y.view(), grad_x.view());
    results.push_back(pst::find(layer.save(), "mask"));
    keep("y", y.values());
    keep("grad_x", grad_x.values());
    typename Layer::backend on;
    layer.for_each_parameter([&](auto parameter) {
      std::vector<T> host(static_cast<std::size_t>(parameter.grad.size()));
      on.copy_out(parameter.grad, pst::MatrixView<T>{host.data(), parameter.grad.rows, parameter.grad.cols});
      keep("grad of " + std::string{parameter.name}, host);
    });
  }
  layer.export_masked(masked.view());
  keep("masked weight", masked.values());
  const pst::SparseMatrix<T, pst::BFloat16, typename Layer::backend> sparse{layer.export_csr()};
  sparse.product(x.view(), y.view(), bias.view());
  keep("served y", y.values());
  return results;
}

template <class T>
double largest_relative_error(const pst::Tensor& a, const pst::Tensor& b) {
  const std::vector<T> x = a.values<T>(), y = b.values<T>();
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst =
        std::max(worst, std::isfinite(x[i]) && std::isfinite(y[i]) ? std::abs(double{x[i]} - double{y[i]}) : HUGE_VAL);
    largest = std::max(largest, std::abs(double{y[i]}));
  }
  return largest > 0 ? worst / largest : worst;
}

int failed = 0;

/// Compares a layer type of the GPU with the same type on Reference.
template <class Layer>
void compare(const char* name, index_t out, index_t in, index_t tokens) {
  using T = typename Layer::scalar;
  const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;  // sums of a few hundred products
  for (const double dense_above : {0.0, 1.0}) {
    const pst::TensorList gpu = run<Layer>(out, in, tokens, dense_above);
    const pst::TensorList host = run<typename Layer::template with<pst::Reference>>(out, in, tokens, dense_above);
    pst::require(gpu.size() == host.size(), name, ": ", gpu.size(), " tensors on the GPU, ", host.size(),
                 " on the host");
    double worst = 0;
    index_t mask_words = 0;
    std::string where;
    for (std::size_t i = 0; i < gpu.size(); ++i) {
      if (gpu[i].name == "mask") {
        mask_words += gpu[i].bytes == host[i].bytes ? 0 : 1;
        continue;
      }
      const double error = largest_relative_error<T>(gpu[i], host[i]);
      if (error >= worst) worst = error, where = gpu[i].name;
    }
    const bool good = worst <= tolerance && mask_words == 0;
    failed += good ? 0 : 1;
    std::printf("%-22s %4td x %-4td n=%-4td %-10s %-6s  error %.1e (%s)  masks %s  %s\n", name, out, in, tokens,
                dense_above > 0 ? "dense" : "compressed", sizeof(T) == 4 ? "float" : "double", worst, where.c_str(),
                mask_words == 0 ? "equal" : "DIFFER", good ? "ok" : "FAILED");
    std::fflush(stdout);
  }
}

void compare_all() {
  using L = pst::CudaLinear;
  compare<L>("pst", 45, 68, 19);
  compare<L>("pst", 768, 768, 64);
  compare<L::with<double>>("pst", 96, 132, 33);
  compare<L::with<pst::Movement>::with<pst::Full>::with<pst::TrainedBias>>("movement, full, bias", 45, 68, 19);
  compare<L::with<pst::SoftMovement>::with<pst::Threshold>>("soft movement", 45, 68, 19);
  compare<L::with<pst::Sum<pst::Wanda, pst::RowColumnScore>>>("weighted magnitude", 45, 68, 19);
  compare<L::with<pst::PerRow>>("per row", 45, 68, 19);
  compare<L::with<pst::KeepNonZeros>>("non-zeros", 45, 68, 19);
  compare<L::with<pst::NofM<2, 4>>>("2:4", 45, 68, 19);
  compare<L::with<pst::Block<4, 3>>>("block 4 x 3", 45, 68, 19);
  compare<L::with<pst::Rows>>("rows", 45, 68, 19);
  compare<L::with<pst::Columns>>("columns", 45, 68, 19);
  compare<L::with<pst::GlobalTopK>>("global top k", 45, 68, 19);
  compare<L::with<pst::EnergyRank>>("energy rank", 45, 68, 19);
  compare<L::with<pst::MaskedGradient>>("masked gradient", 45, 68, 19);
  compare<L>("pst, several panels", 270, 600, 33);
  compare<L::with<pst::ScoreRestAfter>>("scores at rest", 270, 600, 33);
  compare<L::with<pst::ScoreTokenSample>>("sampled scores", 270, 600, 33);
  compare<L::with<pst::RefreshUntil>>("mask at rest", 45, 68, 19);
}

}  // namespace

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::fputs("parity: skipped, there is no GPU\n", stderr);
    return 77;
  }
  cudaDeviceProp device{};
  cudaGetDeviceProperties(&device, 0);
  std::printf("device: %s\n", device.name);
  try {
    compare_all();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "parity: %s\n", error.what());
    return 2;
  }
  std::printf("%s\n", failed == 0 ? "all layers agree" : "SOME LAYERS DIFFER");
  return failed == 0 ? 0 : 1;
}
