// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pst/any/implementation/nearest.hpp"
#include "pst/any/layer_set.hpp"
#include "pst/any/together.hpp"
#include "pst/core/checks.hpp"
#include "pst/core/error.hpp"
#include "pst/core/tensor_bytes.hpp"

// What any/layer_set.hpp declares. A part of any/implementation.hpp.

namespace pst::PST_ABI {

template <class Scalar>
AnyLinear<Scalar>& LayerSet<Scalar>::add(const std::string& name, AnyLinear<Scalar> layer) {
  require(!name.empty() && name.find('/') == std::string::npos, "a layer is added as \"", name,
          "\", expected a name without slashes");
  require(std::find(names_.begin(), names_.end(), name) == names_.end(), "a layer is added as ", name,
          ", which is there already: choose another name");
  require(static_cast<bool>(layer), "the layer that is added as ", name, " is empty");
  require(layer.name().empty() || layer.name() == name, "a layer called ", layer.name(), " is added as ", name,
          ", expected the same name or none");
  names_.push_back(name);
  parameter_names_.emplace_back();
  return layers_.emplace_back(std::move(layer));
}

template <class Scalar>
AnyLinear<Scalar>& LayerSet<Scalar>::add(const std::string& name, LinearSpec spec, Shape shape) {
  spec.name = name;
  return add(name, make_linear<Scalar>(spec, shape, on_));
}

template <class Scalar>
AnyLinear<Scalar>& LayerSet<Scalar>::at(std::string_view name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return layers_[static_cast<std::size_t>(found - names_.begin())];
  const std::vector<std::string_view> names(names_.begin(), names_.end());
  fail("no layer is called \"", name, "\" among ", names_.size(), detail::did_you_mean(name, names));
}

template <class Scalar>
void LayerSet<Scalar>::zero_gradients() {
  for (AnyLinear<Scalar>& layer : layers_) layer.zero_gradients();
}

template <class Scalar>
std::vector<AnyLinear<Scalar>*> LayerSet<Scalar>::pointers() {
  std::vector<AnyLinear<Scalar>*> list;
  for (AnyLinear<Scalar>& layer : layers_) list.push_back(&layer);
  return list;
}
template <class Scalar>
void LayerSet<Scalar>::take_step(index_t step, index_t steps) {
  begin_step_together(std::span<AnyLinear<Scalar>* const>{pointers()}, step, steps);
}
template <class Scalar>
void LayerSet<Scalar>::refresh(double progress) {
  refresh_together(std::span<AnyLinear<Scalar>* const>{pointers()}, progress);
}

template <class Scalar>
std::string LayerSet<Scalar>::full_name(std::size_t layer, std::string_view parameter) const {
  return layers_[layer].name().empty() ? names_[layer] + '.' + std::string{parameter} : std::string{parameter};
}

template <class Scalar>
std::vector<Parameter<Scalar>> LayerSet<Scalar>::parameters() {
  std::vector<Parameter<Scalar>> list;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    std::vector<std::string>& names = parameter_names_[i];
    const std::vector<ParameterEntry>& entries = layers_[i].layout().entries;
    const auto is_of = [&](const std::string& name, const ParameterEntry& entry) { return name.ends_with(entry.name); };
    if (!std::ranges::equal(names, entries, is_of)) {  // the first time, or another layer took the place of one
      names.clear();
      for (const ParameterEntry& entry : entries) names.push_back(full_name(i, entry.name));
    }
    std::size_t at = 0;
    layers_[i].for_each_parameter([&](Parameter<Scalar> parameter) {
      parameter.name = names.at(at++);
      list.push_back(parameter);
    });
  }
  return list;
}

template <class Scalar>
SetLayout LayerSet<Scalar>::layout() const {
  SetLayout made;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const ParameterLayout& own = layers_[i].layout();
    for (const ParameterEntry& entry : own.entries)
      made.entries.push_back({full_name(i, entry.name), entry.group, entry.rows, entry.cols, i,
                              entry.in_place ? -1 : made.own + entry.offset, made.size + entry.offset, entry.in_place});
    made.own += own.own;
    made.size += own.size;
  }
  return made;
}

template <class Scalar>
void LayerSet<Scalar>::bind(MutableView parameters, MutableView gradients, BoundRun holds) {
  const SetLayout all = layout();
  require(parameters.rows <= 1 && parameters.size() == all.own, "the run of parameters is ", parameters.rows, " x ",
          parameters.cols, ", expected 1 x ", all.own);
  require(gradients.rows <= 1 && gradients.size() == all.size, "the run of gradients is ", gradients.rows, " x ",
          gradients.cols, ", expected 1 x ", all.size);
  require(parameters.data != nullptr || all.own == 0, "the run of parameters is a null pointer");
  require(gradients.data != nullptr || all.size == 0, "the run of gradients is a null pointer");
  detail::refuse_overlap("the set", "the run of gradients", gradients, "the run of parameters", parameters);
  index_t own = 0, size = 0;
  for (AnyLinear<Scalar>& layer : layers_) {
    const ParameterLayout& part = layer.layout();
    layer.bind(parameters.middle_cols(own, part.own), gradients.middle_cols(size, part.size), holds);
    own += part.own;
    size += part.size;
  }
}

template <class Scalar>
index_t LayerSet<Scalar>::kept() const {
  index_t count = 0;
  for (const AnyLinear<Scalar>& layer : layers_) count += layer.kept();
  return count;
}
template <class Scalar>
index_t LayerSet<Scalar>::weights() const {
  index_t count = 0;
  for (const AnyLinear<Scalar>& layer : layers_) count += layer.shape().size();
  return count;
}
template <class Scalar>
index_t LayerSet<Scalar>::trainable() const {
  index_t count = 0;
  for (const AnyLinear<Scalar>& layer : layers_) count += layer.trainable();
  return count;
}
template <class Scalar>
double LayerSet<Scalar>::sparsity() const {
  return layers_.empty() ? 0.0 : 1.0 - static_cast<double>(kept()) / static_cast<double>(weights());
}

template <class Scalar>
std::vector<MaskReport> LayerSet<Scalar>::reports() {
  std::vector<MaskReport> list;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    list.push_back(layers_[i].report());
    list.back().name = names_[i];
  }
  return list;
}
template <class Scalar>
MaskReport LayerSet<Scalar>::total_report() {
  return total_of(reports());
}

template <class Scalar>
TensorList LayerSet<Scalar>::save() {
  TensorList list;
  for (std::size_t i = 0; i < layers_.size(); ++i)
    for (Tensor& tensor : layers_[i].save()) {
      tensor.name = names_[i] + '/' + tensor.name;
      list.push_back(std::move(tensor));
    }
  return list;
}

TensorList part_of(const TensorList& of_set, std::string_view name) {
  TensorList part;
  for (const Tensor& tensor : of_set) {
    const std::string_view full = tensor.name;
    if (full.size() <= name.size() || !full.starts_with(name) || full[name.size()] != '/') continue;
    part.push_back(tensor);
    part.back().name.erase(0, name.size() + 1);
  }
  return part;
}

template <class Scalar>
void LayerSet<Scalar>::restore(const TensorList& state) {
  std::vector<TensorList> parts(layers_.size());
  for (const Tensor& tensor : state) {
    const std::size_t slash = tensor.name.find('/');
    const auto found = std::find(names_.begin(), names_.end(), std::string_view{tensor.name}.substr(0, slash));
    require(slash != std::string::npos && found != names_.end(), "tensor ", tensor.name, " is of no layer in this set");
    TensorList& part = parts[static_cast<std::size_t>(found - names_.begin())];
    part.push_back(tensor);
    part.back().name.erase(0, slash + 1);
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i].check_state(parts[i]);
  for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i].restore(parts[i]);
}

template <class Scalar>
std::vector<std::byte> LayerSet<Scalar>::save_bytes() {
  return to_bytes(save());
}
template <class Scalar>
void LayerSet<Scalar>::restore_bytes(std::span<const std::byte> bytes) {
  restore(from_bytes(bytes));
}

template class LayerSet<float>;
template class LayerSet<double>;

}  // namespace pst::PST_ABI
