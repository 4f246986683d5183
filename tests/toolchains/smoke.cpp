// SPDX-License-Identifier: Apache-2.0
// Trains a small layer, serves what it became, and makes a mistake. Compiled with what the other tests do not use: no
// exceptions, or another standard library.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "pst/pst.hpp"
#if __has_include(<nlohmann/json.hpp>)
#include "pst/io/checkpoint.hpp"
#include "pst/io/tensor_file.hpp"
#endif

namespace {

using pst::index_t;

int faults = 0;
void check(bool ok, const char* what) {
  if (!ok) std::fprintf(stderr, "wrong: %s\n", what), ++faults;
}

void train_and_serve() {
  constexpr pst::Shape shape{.in = 70, .out = 45};
  constexpr index_t tokens = 9;
  std::vector<float> weight(static_cast<std::size_t>(shape.size())), x(tokens * shape.in), y(tokens * shape.out);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i % 13) - 6;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3;
  const pst::MatrixView<float> in{x.data(), tokens, shape.in}, out{y.data(), tokens, shape.out};

  pst::SparseLinear<> layer{shape, {}, pst::EigenCpu{2}};
  layer.attach({weight.data(), shape.out, shape.in});
  pst::AdamW<float> optimizer;
  for (const int step : {1, 2}) {
    layer.begin_step(step, 2);
    layer.forward(in, out);
    layer.backward(in, out);
    optimizer.step(pst::parameters_of(layer));
  }
  layer.refresh(1);
  layer.forward(in, out);
  check(layer.kept() == shape.size() - shape.size() * 9 / 10, "a tenth of the weights is kept");

  std::vector<float> served(y.size());
  const pst::SparseMatrix<> matrix{layer.export_csr()};
  matrix.product(in, {served.data(), tokens, shape.out});
  float largest = 0, difference = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    largest = std::max(largest, std::abs(y[i]));
    difference = std::max(difference, std::abs(y[i] - served[i]));
  }
  check(largest > 0 && difference <= 1e-5F * largest, "the exported weight serves what was trained");
}

void make_a_mistake() { pst::SparseLinear<>{{.in = 0, .out = 3}}.begin_step(1, 1); }
constexpr const char* expected = "a layer has at least one input and one output, found in = 0, out = 3";

}  // namespace

int main() {
  train_and_serve();
#if defined(__cpp_exceptions)
  try {
    make_a_mistake();
    check(false, "a mistake is refused");
  } catch (const pst::Error& error) {
    check(std::strcmp(error.what(), expected) == 0, error.what());
  }
#else
  pst::set_failure_handler([](const char* sentence) {
    check(std::strcmp(sentence, expected) == 0, sentence);
    std::exit(faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  });
  make_a_mistake();
  check(false, "a mistake is refused");
#endif
  return faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
