// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/linear.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "transformer/intrinsic.hpp"
#include "transformer/matrix.hpp"

namespace transformer {

/// Whose memory a weight is.
enum class WeightOwner {
  projection,  ///< the layer borrows it
  layer        ///< the layer has a weight itself, and borrows a bias alone
};

/// A linear layer of any method, together with the weight and bias that it borrows.
///
/// Fill the weights first, then call `attach` once.
template <class Scalar>
struct Projection {
  std::string name;
  Matrix<Scalar> weight;                 ///< out x in; empty where the layer has it, or it is lent
  pst::MatrixView<const Scalar> lent{};  ///< the weight where it is not this projection's own
  Matrix<Scalar> bias;                   ///< 1 x out
  pst::AnyLinear<Scalar> layer;
  std::shared_ptr<IntrinsicLayers> shared{};  ///< the vector that the layer shares with others, where it does

  Projection(std::string name_, pst::AnyLinear<Scalar> layer_, WeightOwner owner = WeightOwner::projection)
      : name{std::move(name_)},
        weight{owner == WeightOwner::layer
                   ? Matrix<Scalar>{}
                   : Matrix<Scalar>{Matrix<Scalar>::Zero(layer_.shape().out, layer_.shape().in)}},
        bias{Matrix<Scalar>::Zero(1, layer_.shape().out)},
        layer{std::move(layer_)} {}

  /// Weights of variance 1 / in.
  void initialise(std::mt19937_64& random) {
    fill_normal(weight, 1.0 / std::sqrt(static_cast<double>(weight.cols())), random);
  }
  void attach() {
    if (lent.data != nullptr)
      layer.attach(lent, view(bias));
    else
      layer.attach(view(weight), view(bias));
  }

  void forward(const Matrix<Scalar>& x, Matrix<Scalar>& y) {
    y.resize(x.rows(), bias.cols());
    layer.forward(view(x), view(y));
  }
  void backward(const Matrix<Scalar>& x, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    grad_x.resize(x.rows(), layer.shape().in);
    layer.backward(view(x), view(grad_y), view(grad_x));
  }
  /// Writes the weight that the layer multiplies with: learnt factors added, exactly 0 where pruned.
  void export_weight(Matrix<Scalar>& out) {
    out.resize(layer.shape().out, layer.shape().in);
    layer.export_masked(view(out));
  }
};

/// Makes the linear layer of a name and shape; `number` counts the layers of a model, from 0.
template <class Scalar>
using MakeProjection =
    std::function<Projection<Scalar>(const std::string& name, pst::Shape shape, std::uint64_t number)>;

/// The layers of the specifications that `choose(name)` gives. Layer n draws its factors from the specification's
/// seed + n; all share threads and scratch memory.
template <class Scalar>
[[nodiscard]] MakeProjection<Scalar> layers_by_name(std::function<pst::LinearSpec(const std::string& name)> choose) {
  return [choose = std::move(choose), cpu = pst::share_cpu()](const std::string& name, pst::Shape shape,
                                                              std::uint64_t number) {
    pst::LinearSpec spec = choose(name);
    spec.name = name;
    spec.seed += number;
    return Projection<Scalar>{name, pst::make_linear<Scalar>(spec, shape, cpu)};
  };
}
/// The same with one specification for all layers.
template <class Scalar>
[[nodiscard]] MakeProjection<Scalar> layers_of(const pst::LinearSpec& spec) {
  return layers_by_name<Scalar>([spec](const std::string&) { return spec; });
}

}  // namespace transformer
