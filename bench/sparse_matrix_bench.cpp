// SPDX-License-Identifier: Apache-2.0
// Serving: the product of a SparseMatrix with few tokens, beside the dense one.
#include "axes.hpp"
#include "in_turns.hpp"

#include <pst/pst.hpp>

namespace {

using pst::index_t;

/// A normal weight of which `density` percent, chosen at random, are not zero.
[[nodiscard]] bench::EigenMatrix sparse_normal(const bench::Size& size) {
  bench::EigenMatrix weight = bench::normal(size.shape.out, size.shape.in, 3);
  for (index_t i = 0; i < weight.size(); ++i)
    if (pst::mix_bits(static_cast<std::uint64_t>(i)) % 100 >= static_cast<std::uint64_t>(size.density))
      weight.data()[i] = 0;
  return weight;
}

template <class Value>
void product(benchmark::State& state) {
  const bench::Size size{state};
  const bench::EigenMatrix dense = sparse_normal(size);
  const pst::SparseMatrix<float, Value> weight{bench::view(dense)};
  const auto& x = bench::normal(size.tokens, size.shape.in, 1);
  bench::EigenMatrix y(size.tokens, size.shape.out);
  bench::in_turns(
      state, size.flops(), weight.bytes(), [&] { weight.product(bench::view(x), bench::view(y)); },
      [&] {
        if (size.tokens == 1)
          y.row(0).transpose().noalias() = dense * x.row(0).transpose();
        else
          y.noalias() = x * dense.transpose();
      });
}

BENCHMARK(product<float>)->Name("serve/float")->Apply(bench::few_token_products);
BENCHMARK(product<pst::BFloat16>)->Name("serve/BFloat16")->Apply(bench::few_token_products);

}  // namespace
