// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "pst/optim/adamw.hpp"
#include "support/host_matrix.hpp"

namespace pst::test {

/// A weight, a bias and some steps of AdamW on a batch, for a layer of any type; what comes out is kept.
template <class Scalar>
struct ShortRun {
  static constexpr index_t tokens = 9, all_steps = 6;

  Shape shape;
  HostMatrix<Scalar> weight, bias, x, target;
  std::vector<Scalar> trace;       ///< outputs, gradients of inputs and of parameters of all steps
  std::vector<mask_word> masks;    ///< of all steps
  std::vector<std::string> names;  ///< of parameters
  AdamW<Scalar> optimizer{{.learning_rate = 0.01}};

  explicit ShortRun(Shape shape_)
      : shape{shape_},
        weight{Draw{11}.normal<Scalar>(shape.out, shape.in)},
        bias{Draw{12}.normal<Scalar>(1, shape.out)},
        x{Draw{13}.normal<Scalar>(tokens, shape.in)},
        target{Draw{14}.normal<Scalar>(tokens, shape.out)} {}

  void train(auto& layer) {
    layer.attach(weight.view(), bias.view());
    steps(layer);
  }
  /// The steps alone, of a layer that is attached.
  void steps(auto& layer) {
    std::vector<Parameter<Scalar>> parameters;
    layer.for_each_parameter([&](const Parameter<Scalar>& each) {
      parameters.push_back(each);
      names.emplace_back(each.name);
    });
    HostMatrix<Scalar> y(tokens, shape.out), grad_y(tokens, shape.out), grad_x(tokens, shape.in);
    for (index_t step = 1; step <= all_steps; ++step) {
      layer.begin_step(step, all_steps);
      for (const Scalar part : {Scalar{0.5}, Scalar{-0.25}}) {  // two batches a step
        layer.forward(x.view(), y.view());
        for (index_t r = 0; r < tokens; ++r)
          for (index_t c = 0; c < shape.out; ++c) grad_y(r, c) = part * (y(r, c) - target(r, c));
        layer.backward(x.view(), grad_y.view(), grad_x.view());
      }
      keep(y.view()), keep(grad_x.view());
      for (const auto& each : parameters) keep(each.grad);
      const auto mask = layer.mask();
      masks.insert(masks.end(), mask.words, mask.words + mask.rows * mask.words_per_row);
      optimizer.step(parameters);
    }
  }

 private:
  void keep(MatrixView<const Scalar> view) {
    for (index_t r = 0; r < view.rows; ++r) trace.insert(trace.end(), view.row(r), view.row(r) + view.cols);
  }
};

}  // namespace pst::test
