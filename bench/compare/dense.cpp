// SPDX-License-Identifier: Apache-2.0
#include "dense.hpp"

#include <utility>

namespace compare {

Dense::Dense(std::vector<Blas> libraries, const EigenMatrix& weight, Activations& at)
    : libraries_{std::move(libraries)}, weight_{weight}, at_{at} {}

void Dense::add_full_step(std::vector<Column>& columns) {
  grad_weight_.setZero(weight_.rows(), weight_.cols());
  add(columns, full_step, &Dense::run_full_step);
}

void Dense::add_lora_step(std::vector<Column>& columns) {
  constexpr index_t rank = 8;
  const index_t out = weight_.rows(), in = weight_.cols(), tokens = at_.x.rows();
  a_ = bench::make_normal(rank, in, 4, 0.01);
  b_ = bench::make_normal(out, rank, 5, 0.01);
  x_a_.setZero(tokens, rank);
  grad_y_b_.setZero(tokens, rank);
  grad_a_.setZero(rank, in);
  grad_b_.setZero(out, rank);
  add(columns, lora_step, &Dense::run_lora_step);
}

void Dense::add_forward(std::vector<Column>& columns, const std::string& what) {
  for (const Blas& blas : libraries_)
    columns.push_back({what, blas.name, [=, this] { multiply(blas, {at_.x}, transposed(weight_), at_.y); }});
}

void Dense::add_grad_x(std::vector<Column>& columns) {
  for (const Blas& blas : libraries_)
    columns.push_back({dense_grad_x, blas.name, [=, this] { multiply(blas, {at_.grad_y}, {weight_}, at_.grad_x); }});
}

void Dense::run_full_step(const Blas& blas) {
  multiply(blas, {at_.x}, transposed(weight_), at_.y);
  multiply(blas, {at_.grad_y}, {weight_}, at_.grad_x);
  multiply(blas, transposed(at_.grad_y), {at_.x}, grad_weight_);
}

void Dense::run_lora_step(const Blas& blas) {
  multiply(blas, {at_.x}, transposed(weight_), at_.y);
  multiply(blas, {at_.x}, transposed(a_), x_a_);
  multiply(blas, {x_a_}, transposed(b_), at_.y, Write::add);

  multiply(blas, {at_.grad_y}, {weight_}, at_.grad_x);
  multiply(blas, {at_.grad_y}, {b_}, grad_y_b_);
  multiply(blas, {grad_y_b_}, {a_}, at_.grad_x, Write::add);
  multiply(blas, transposed(grad_y_b_), {at_.x}, grad_a_);
  multiply(blas, transposed(at_.grad_y), {x_a_}, grad_b_);
}

void Dense::add(std::vector<Column>& columns, const std::string& what, void (Dense::*run)(const Blas&)) {
  for (const Blas& blas : libraries_) columns.push_back({what, blas.name, [=, this] { (this->*run)(blas); }});
}

}  // namespace compare
