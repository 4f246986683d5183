// SPDX-License-Identifier: Apache-2.0
#include "transformer/dense_linear.hpp"

#include <pst/core/error.hpp>

#include <algorithm>

namespace transformer {

template <class Scalar>
DenseLinear<Scalar>::DenseLinear(std::string name, pst::Shape shape)
    : name_{std::move(name)},
      shape_{shape},
      own_grad_weight_{Matrix<Scalar>::Zero(shape.out, shape.in)},
      own_grad_bias_{Matrix<Scalar>::Zero(1, shape.out)},
      grad_weight_{view(own_grad_weight_)},
      grad_bias_{view(own_grad_bias_)} {
  layout_.add(name_ + ".weight", pst::ParameterGroup::weight, shape.out, shape.in, true);
  layout_.add(name_ + ".bias", pst::ParameterGroup::bias, 1, shape.out, true);
}

template <class Scalar>
void DenseLinear<Scalar>::attach(pst::LentWeight<Scalar> weight, pst::LentBias<Scalar> bias) {
  weight.visit([&]<class T>(pst::StridedView<T> lent) {
    if constexpr (std::is_same_v<T, Scalar>) {
      pst::require(lent.rows == shape_.out && lent.cols == shape_.in, name_, ".weight is ", lent.rows, " x ", lent.cols,
                   ", the layer expects ", shape_.out, " x ", shape_.in);
      pst::require(lent.rows_are_contiguous(), name_, ".weight has columns that are contiguous, expected rows");
      weight_ = lent.contiguous();
    } else {
      pst::fail(name_, ".weight trains, expected a view of variables of the layer's own type");
    }
  });
  pst::require(bias.variable().data != nullptr && bias.variable().size() == shape_.out, name_,
               ".bias trains, expected a view of ", shape_.out, " variables");
  bias_ = bias.variable();
}

template <class Scalar>
void DenseLinear<Scalar>::bind(MutableView, MutableView gradients, pst::BoundRun) {
  pst::require(gradients.size() == layout_.size, name_, ": the run of gradients has ", gradients.size(),
               " numbers, expected ", layout_.size);
  const MutableView weight{gradients.data, shape_.out, shape_.in};
  const MutableView bias{gradients.data + shape_.size(), 1, shape_.out};
  map(weight) = map(grad_weight_);
  map(bias) = map(grad_bias_);
  grad_weight_ = weight, grad_bias_ = bias;
  own_grad_weight_ = {}, own_grad_bias_ = {};
}

template <class Scalar>
void DenseLinear<Scalar>::zero_gradients() {
  map(grad_weight_).setZero();
  map(grad_bias_).setZero();
}

template <class Scalar>
void DenseLinear<Scalar>::forward(ConstView x, MutableView y) {
  auto out = map(y);
  out.noalias() = map(x) * map(weight_).transpose();
  out.rowwise() += map(bias_).row(0);
}

template <class Scalar>
void DenseLinear<Scalar>::backward(ConstView x, ConstView grad_y, MutableView grad_x, pst::Gradients write) {
  if (write == pst::Gradients::overwrite) zero_gradients();
  map(grad_weight_).noalias() += map(grad_y).transpose() * map(x);
  map(grad_bias_) += map(grad_y).colwise().sum();
  if (!grad_x.empty()) map(grad_x).noalias() = map(grad_y) * map(weight_);
}

template <class Scalar>
void DenseLinear<Scalar>::for_each_parameter(ParameterVisitor visit) {
  visit({layout_.entries[0].name, pst::ParameterGroup::weight, weight_, grad_weight_});
  visit({layout_.entries[1].name, pst::ParameterGroup::bias, bias_, grad_bias_});
}

template <class Scalar>
std::unique_ptr<pst::LinearInterface<Scalar>> DenseLinear<Scalar>::clone() {
  auto copy = std::make_unique<DenseLinear>(name_, shape_);
  copy->weight_ = weight_, copy->bias_ = bias_;
  map(copy->grad_weight_) = map(grad_weight_);
  map(copy->grad_bias_) = map(grad_bias_);
  return copy;
}

template <class Scalar>
pst::TensorList DenseLinear<Scalar>::save() {
  pst::TensorList list;
  const Matrix<Scalar> weight = map(weight_);
  list.push_back(pst::Tensor::from<Scalar>("weight", {shape_.out, shape_.in},
                                           {weight.data(), static_cast<std::size_t>(weight.size())}));
  list.push_back(
      pst::Tensor::from<Scalar>("bias", {1, shape_.out}, {bias_.data, static_cast<std::size_t>(shape_.out)}));
  return list;
}
template <class Scalar>
void DenseLinear<Scalar>::check_state(const pst::TensorList& state) {
  for (const auto& [name, size] : {std::pair{"weight", shape_.size()}, {"bias", shape_.out}}) {
    const auto count = static_cast<pst::index_t>(pst::find(state, name).template values<Scalar>().size());
    pst::require(count == size, name_, ": tensor ", name, " has ", count, " elements, expected ", size);
  }
}
template <class Scalar>
void DenseLinear<Scalar>::restore(const pst::TensorList& state) {
  check_state(state);
  const std::vector<Scalar> weight = pst::find(state, "weight").template values<Scalar>();
  const std::vector<Scalar> bias = pst::find(state, "bias").template values<Scalar>();
  map(weight_) = map(ConstView{weight.data(), shape_.out, shape_.in});
  map(bias_) = map(ConstView{bias.data(), 1, shape_.out});
}
template class DenseLinear<float>;
template class DenseLinear<double>;

}  // namespace transformer
