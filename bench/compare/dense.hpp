// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "blas.hpp"
#include "measure.hpp"
#include "operands.hpp"

namespace compare {

inline const std::string full_step = "dense full step", lora_step = "dense LoRA step", product = "one dense product",
                         dense_forward = "dense forward", dense_grad_x = "dense grad_x";

/// What sparse layers are compared with, in every library: full fine-tuning, LoRA of rank 8, and single products.
class Dense {
 public:
  Dense(std::vector<Blas> libraries, const EigenMatrix& weight, Activations& at);

  /// y = x W^T, grad_x = grad_y W, grad_W = grad_y^T x.
  void add_full_step(std::vector<Column>& columns);
  /// y = x W^T + (x A^T) B^T, and the gradients of x, A and B; W is frozen and has none.
  void add_lora_step(std::vector<Column>& columns);
  /// y = x W^T, under a name of the caller's choice.
  void add_forward(std::vector<Column>& columns, const std::string& what);
  /// grad_x = grad_y W.
  void add_grad_x(std::vector<Column>& columns);

 private:
  void run_full_step(const Blas& blas);
  void run_lora_step(const Blas& blas);
  void add(std::vector<Column>& columns, const std::string& what, void (Dense::*run)(const Blas&));

  std::vector<Blas> libraries_;
  const EigenMatrix& weight_;
  Activations& at_;
  EigenMatrix grad_weight_{};
  EigenMatrix a_{}, b_{}, x_a_{}, grad_y_b_{}, grad_a_{}, grad_b_{};  // of LoRA
};

}  // namespace compare
