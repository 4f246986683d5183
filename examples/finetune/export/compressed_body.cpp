// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/compressed_body.hpp"

#include <pst/core/error.hpp>

#include <map>
#include <set>

#include "finetune/export/base_folder.hpp"
#include "transformer/dense_linear.hpp"

namespace finetune {

using pst::io::ElementType;

template <class Source>
void CompressedLinear::put(const Source& weight, pst::Shape shape, ElementType type) {
  pst::require(shape == shape_, name_, ": the weight is ", shape.out, " x ", shape.in, ", the layer expects ",
               shape_.out, " x ", shape_.in);
  switch (type) {
    case ElementType::f32: weight_.emplace<pst::SparseMatrix<float>>(weight, name_); return;
    case ElementType::f16: weight_.emplace<pst::SparseMatrix<float, pst::Half>>(weight, name_); return;
    case ElementType::bf16: weight_.emplace<pst::SparseMatrix<float, pst::BFloat16>>(weight, name_); return;
    default: pst::fail(name_, ": weights are stored as F32, F16 or BF16, not as ", pst::io::name_of(type));
  }
}
void CompressedLinear::set(const pst::BitmaskMatrix<float>& weight, ElementType type) {
  put(weight, {.in = weight.cols, .out = weight.rows}, type);
}
void CompressedLinear::set(const Matrix& weight, ElementType type) {
  put(transformer::view(weight), {.in = weight.cols(), .out = weight.rows()}, type);
}

template <class Ask>
void CompressedLinear::ask(Ask&& question) const {
  std::visit(
      [&](const auto& weight) {
        if constexpr (requires { weight.kept(); })
          question(weight);
        else
          pst::fail(name_, ": has no weight");
      },
      weight_);
}

std::size_t CompressedLinear::bytes() const {
  std::size_t count = 0;
  ask([&](const auto& weight) { count = weight.bytes(); });
  return count;
}
index_t CompressedLinear::kept() const {
  index_t count = 0;
  ask([&](const auto& weight) { count = weight.kept(); });
  return count;
}
void CompressedLinear::attach(pst::LentWeight<float>, pst::LentBias<float> bias) {
  pst::require(weight_.index() != 0, name_, ": has no weight, set it before the model is attached");
  bias_ = bias.constant();
}
void CompressedLinear::forward(ConstView x, MutableView y) {
  ask([&](const auto& weight) { weight.product(x, y, bias_); });
}
void CompressedLinear::backward(ConstView, ConstView, MutableView, pst::Gradients) {
  pst::fail(name_, ": a compressed weight does not train, load the model itself to train it");
}
void CompressedLinear::export_masked(MutableView out) {
  ask([&](const auto& weight) { weight.to_dense(out); });
}
pst::TensorList CompressedLinear::save() { pst::fail(name_, ": a compressed weight has no training state"); }

namespace {

/// The values of all branches, from one model to another that has the same ones.
void copy_branches(Model& from, Model& to) {
  std::map<std::string, pst::MatrixView<float>> values;
  for (const ModelParameter& each : from.parameters())
    if (each.part == Part::branch) values[each.name] = each.parameter.value;
  for (const ModelParameter& each : to.parameters())
    if (each.part == Part::branch) transformer::map(each.parameter.value) = transformer::map(values.at(each.name));
}

/// A model with layers of another kind and everything but the linear weights, which `take` is shown.
std::unique_ptr<Model> rebuilt(Model& model, const MakeLayer& make_layer,
                               const std::function<void(const Matrix& weight, Layer& layer)>& take) {
  auto made = make_model(model.config(), model.encoder().config.together, make_layer, false);
  const auto from = plain_tensors(model), to = plain_tensors(*made);
  for (const auto& [name, value] : to) *value = *from.at(name);
  std::map<std::string, Layer*> layers;
  made->for_each_layer([&](Layer& layer) { layers[layer.name] = &layer; });
  Matrix weight;
  model.for_each_layer([&](Layer& layer) {
    layer.export_weight(weight);
    take(weight, *layers.at(layer.name));
  });
  made->attach();
  made->put_branches(model.branches(), 1);
  copy_branches(model, *made);
  if (model.virtual_tokens()) made->put_virtual_tokens(*model.virtual_tokens(), model.virtual_vectors());
  made->refresh(1.0);
  return made;
}

}  // namespace

MakeLayer compressed_layers() {
  return [](const std::string& name, pst::Shape shape, std::uint64_t) {
    return Layer{name, pst::AnyLinear<float>{std::make_unique<CompressedLinear>(name, shape)},
                 transformer::WeightOwner::layer};
  };
}

CompressedLinear& compressed_layer(Layer& layer) {
  auto* const own = dynamic_cast<CompressedLinear*>(&layer.layer.layer());
  pst::require(own != nullptr, layer.name, ": is not a compressed layer");
  return *own;
}

void for_each_compressed_layer(Model& model, const std::function<void(CompressedLinear&)>& visit) {
  model.for_each_layer([&](Layer& layer) { visit(compressed_layer(layer)); });
}

std::unique_ptr<Model> compressed(Model& model) {
  std::set<std::string> too_dense;
  Matrix weight;
  model.for_each_layer([&](Layer& layer) {
    layer.export_weight(weight);
    if (2 * (weight.array() != 0).count() > weight.size()) too_dense.insert(layer.name);
  });
  const MakeLayer make_compressed = compressed_layers(), make_dense = transformer::dense_layers<float>();
  const auto make = [&](const std::string& name, pst::Shape shape, std::uint64_t seed) {
    return (too_dense.contains(name) ? make_dense : make_compressed)(name, shape, seed);
  };
  return rebuilt(model, make, [&](const Matrix& masked, Layer& layer) {
    if (too_dense.contains(layer.name))
      layer.weight = masked;
    else
      compressed_layer(layer).set(masked, ElementType::f32);
  });
}

std::unique_ptr<Model> densified(Model& model) {
  return rebuilt(model, transformer::dense_layers<float>(),
                 [](const Matrix& weight, Layer& layer) { layer.weight = weight; });
}

std::size_t layer_bytes(Model& model) {
  std::size_t bytes = 0;
  model.for_each_layer([&](Layer& layer) {
    const auto* const own = dynamic_cast<const CompressedLinear*>(&layer.layer.layer());
    bytes += own != nullptr ? own->bytes() : static_cast<std::size_t>(layer.weight.size()) * sizeof(float);
  });
  return bytes;
}

}  // namespace finetune
