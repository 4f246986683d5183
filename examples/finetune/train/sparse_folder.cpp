// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/sparse_folder.hpp"

#include <sstream>

#include "finetune/methods/methods.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

constexpr double as_good_as_dense = 0.01;

std::string zero_share(double share) {
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(1);
  text << 100 * share << " %";
  return text.str();
}

}  // namespace

double zeros_given(Model& model) {
  index_t zeros = 0, all = 0;
  model.for_each_layer([&](const Layer& layer) {
    zeros += static_cast<index_t>((layer.weight.array() == 0.0F).count());
    all += layer.weight.size();
  });
  return all > 0 ? static_cast<double>(zeros) / static_cast<double>(all) : 0.0;
}

std::string sparse_folder_remark(double zeros, const MethodSettings& method) {
  if (zeros < as_good_as_dense && method.keep_mask)
    return "--keep-mask is given, but hardly a weight is zero in the folder: the result is dense";
  if (zeros < as_good_as_dense) return {};
  const std::string found = zero_share(zeros) + " of these weights are zero in the folder already: ";
  if (method.keep_mask) return found + "they stay so, and no others";
  constexpr const char* other = "; --keep-mask trains with the zeros that it has";
  if (method.name != "intrinsic" && pst::linear_method(method_named(method.name).layers).delta == "frozen")
    return found + "they stay so, for no weight trains";
  if (!prunes(method)) return found + "they train as all others, and the result is dense" + other;
  return found + "they train as all others, the mask is chosen anew, and " + zero_share(method.sparsity) +
         " are zero in the end" + other;
}

}  // namespace finetune
