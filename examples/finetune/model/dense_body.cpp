// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/body_of.hpp"
#include "transformer/dense_linear.hpp"

namespace finetune {

std::unique_ptr<Body> make_dense_body(const BodyShape& shape) {
  return make_body<transformer::DenseLinear<float>>(shape, {});
}

}  // namespace finetune
