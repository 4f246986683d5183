// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/plain_linear.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transformer/projection.hpp"

namespace transformer {

/// y = x W^T + b with everything trained and nothing pruned, by products of Eigen: the plainest layer that can stand
/// where those of pst stand.
template <class Scalar = float>
class DenseLinear final : public pst::PlainLinear<Scalar> {
  using Interface = pst::LinearInterface<Scalar>;

 public:
  using typename Interface::ConstView;
  using typename Interface::MutableView;
  using typename Interface::ParameterVisitor;

  DenseLinear(std::string name, pst::Shape shape);

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] pst::Shape shape() const override { return shape_; }
  /// Both must be there, and variable; the rows of the weight are contiguous.
  void attach(pst::LentWeight<Scalar> weight, pst::LentBias<Scalar> bias) override;
  [[nodiscard]] const pst::ParameterLayout& layout() const override { return layout_; }
  void bind(MutableView parameters, MutableView gradients, pst::BoundRun holds) override;
  void zero_gradients() override;
  void forward(ConstView x, MutableView y) override;
  void backward(ConstView x, ConstView grad_y, MutableView grad_x, pst::Gradients write) override;
  void for_each_parameter(ParameterVisitor visit) override;

  void export_masked(MutableView out) override { map(out) = map(weight_); }
  [[nodiscard]] std::unique_ptr<Interface> clone() override;
  /// Weight and bias.
  [[nodiscard]] pst::TensorList save() override;
  void check_state(const pst::TensorList& state) override;
  void restore(const pst::TensorList& state) override;

 private:
  std::string name_;
  pst::Shape shape_;
  pst::ParameterLayout layout_;
  MutableView weight_{}, bias_{};
  Matrix<Scalar> own_grad_weight_, own_grad_bias_;
  MutableView grad_weight_{}, grad_bias_{};
};
extern template class DenseLinear<float>;
extern template class DenseLinear<double>;

/// A projection with a dense layer.
template <class Scalar>
[[nodiscard]] Projection<Scalar> dense_projection(const std::string& name, pst::Shape shape) {
  return {name, pst::AnyLinear<Scalar>{std::make_unique<DenseLinear<Scalar>>(name, shape)}};
}
/// Dense layers for an encoder.
template <class Scalar>
[[nodiscard]] MakeProjection<Scalar> dense_layers() {
  return [](const std::string& name, pst::Shape shape, std::uint64_t) { return dense_projection<Scalar>(name, shape); };
}

}  // namespace transformer
