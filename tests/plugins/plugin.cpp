// SPDX-License-Identifier: Apache-2.0
// What a shared object does that was compiled for an instruction set of its own.
#include <bit>
#include <cstdint>
#include <vector>

#include "pst/pst.hpp"

namespace {

using pst::index_t;

/// Mixes numbers into one, bit for bit.
class Digest {
 public:
  void add(const std::vector<float>& numbers) {
    for (const float number : numbers) bits_ = (bits_ ^ std::bit_cast<std::uint32_t>(number)) * 0x100000001B3U;
  }
  [[nodiscard]] std::uint64_t bits() const noexcept { return bits_; }

 private:
  std::uint64_t bits_ = 0xCBF29CE484222325U;
};

std::vector<float> numbers(index_t count, std::uint64_t seed) {
  std::vector<float> out(static_cast<std::size_t>(count));
  const pst::NormalAt normal{seed};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(normal(static_cast<index_t>(i)));
  return out;
}

/// A product that fills all of the memory in which a thread packs its operands.
void multiply(pst::EigenCpu& on, Digest& digest) {
  constexpr index_t side = 300;
  const std::vector<float> a = numbers(side * side, 1), b = numbers(side * side, 2);
  std::vector<float> out(a.size());
  const auto view = [](auto& matrix) { return pst::MatrixView{matrix.data(), side, side}; };
  on.for_each_part(4, [&](index_t part, index_t) {
    constexpr index_t rows = side / 4;
    on.gemm(1.0, view(a).middle_rows(part * rows, rows), view(b), view(out).middle_rows(part * rows, rows));
  });
  digest.add(out);
  on.gemm(1.0, view(a), view(b), view(out));
  digest.add(out);
}
/// Two steps of a layer of several parts.
void train(const pst::EigenCpu& on, Digest& digest) {
  constexpr pst::Shape shape{.in = 300, .out = 400};
  constexpr index_t tokens = 33;
  const std::vector<float> weight = numbers(shape.size(), 3), x = numbers(tokens * shape.in, 4);
  std::vector<float> y(static_cast<std::size_t>(tokens * shape.out)), grad_x(x.size());
  pst::SparseLinear<>::with<pst::Magnitude> layer{shape, {}, on};
  layer.attach({weight.data(), shape.out, shape.in});
  for (const int step : {1, 5}) {  // dense products, and those of kept weights
    layer.begin_step(step, 5);
    layer.forward({x.data(), tokens, shape.in}, {y.data(), tokens, shape.out});
    layer.backward({x.data(), tokens, shape.in}, {y.data(), tokens, shape.out}, {grad_x.data(), tokens, shape.in});
    digest.add(y);
    digest.add(grad_x);
    layer.for_each_parameter([&](const auto& p) { digest.add({p.grad.data, p.grad.data + p.grad.size()}); });
  }
}

}  // namespace

/// Bytes of a vector register of floats.
extern "C" int vector_bytes() { return int{sizeof(pst::eigen_cpu::Floats)}; }
extern "C" std::uint64_t digest_of_work() {
  pst::EigenCpu on{2};
  Digest digest;
  multiply(on, digest);
  train(on, digest);
  return digest.bits();
}
