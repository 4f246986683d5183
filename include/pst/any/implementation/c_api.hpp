// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/any/implementation/c_handles.hpp"

// What c.h declares. A part of any/implementation.hpp.

namespace pst::PST_ABI::detail::c {

extern "C" {

const char* pst_last_error(void) { return last_error().c_str(); }
const char* pst_version(void) { return PST_VERSION_STRING; }

// ---- layers: making and lending
pst_status pst_layer_new(const char* specification, int64_t in, int64_t out, pst_type type, pst_layer** layer) {
  return status_of([&] {
    need(layer, "where the layer is written to");
    *layer = nullptr;
    need(specification, "the specification");
    require(type == PST_F32 || type == PST_F64, "a layer computes in PST_F32 or PST_F64, found ", name_of_type(type));
    const LinearSpec spec = read_spec(specification);
    const Shape shape{.in = in, .out = out};
    const SharedCpu on = share_cpu(spec.threads);
    if (type == PST_F32)
      *layer = new pst_layer{make_linear<float>(spec, shape, on), on, spec.name};
    else
      *layer = new pst_layer{make_linear<double>(spec, shape, on), on, spec.name};
  });
}
void pst_layer_free(pst_layer* layer) { delete layer; }
pst_status pst_layer_clone(pst_layer* layer, pst_layer** clone) {
  return status_of([&] {
    need(clone, "where the layer is written to");
    *clone = nullptr;
    *clone = with(layer, [&](auto& any) { return new pst_layer{any.clone(), layer->on, layer->name}; });
  });
}
pst_status pst_layer_attach(pst_layer* layer, pst_matrix weight, const pst_matrix* bias) {
  return status_of([&] { attach(layer, weight, bias); });
}
pst_status pst_layer_attach_const(pst_layer* layer, pst_const_matrix weight, const pst_const_matrix* bias) {
  return status_of([&] { attach(layer, weight, bias); });
}
pst_status pst_layer_layout(pst_layer* layer, pst_layout* layout) {
  return status_of([&] {
    need(layer, "the layer");
    show(layer->shown, with(layer, [](auto& any) { return as_set(any.layout()); }), layout);
  });
}
pst_status pst_layer_bind(pst_layer* layer, void* parameters, void* gradients, pst_holds holds) {
  return status_of([&] {
    with(layer, [&](auto& any) {
      const ParameterLayout& layout = any.layout();
      bind<scalar_in<decltype(any)>>(any, layout.own, layout.size, parameters, gradients, holds);
    });
  });
}

// ---- layers: training
pst_status pst_layer_zero_gradients(pst_layer* layer) {
  return status_of([&] { with(layer, [](auto& any) { any.zero_gradients(); }); });
}
pst_status pst_layer_refresh(pst_layer* layer, double progress) {
  return status_of([&] { with(layer, [&](auto& any) { any.refresh(progress); }); });
}
pst_status pst_layer_begin_step(pst_layer* layer, int64_t step, int64_t steps) {
  return status_of([&] { with(layer, [&](auto& any) { any.begin_step(step, steps); }); });
}
pst_status pst_layer_forward(pst_layer* layer, pst_const_matrix x, pst_matrix y) {
  return status_of([&] {
    with(layer, [&](auto& any) {
      using Scalar = scalar_in<decltype(any)>;
      any.forward(view_of<Scalar>(x, "x"), view_of<Scalar>(y, "y"));
    });
  });
}
pst_status pst_layer_backward(pst_layer* layer, pst_const_matrix x, pst_const_matrix grad_y, const pst_matrix* grad_x,
                              pst_gradients write) {
  return status_of([&] {
    with(layer, [&](auto& any) {
      using Scalar = scalar_in<decltype(any)>;
      any.backward(view_of<Scalar>(x, "x"), view_of<Scalar>(grad_y, "grad_y"),
                   grad_x == nullptr ? MatrixView<Scalar>{} : view_of<Scalar>(*grad_x, "grad_x"),
                   write == PST_OVERWRITE ? Gradients::overwrite : Gradients::add);
    });
  });
}
pst_status pst_layer_train_kept(pst_layer* layer, const pst_matrix* bias) {
  return status_of([&] {
    with(layer, [&](auto& any) {
      using Scalar = scalar_in<decltype(any)>;
      any = train_kept<Scalar>(any, bias_of<Scalar>(bias), layer->on);
    });
  });
}
pst_status pst_layer_parameter_count(pst_layer* layer, size_t* count) {
  return status_of([&] {
    need(count, "the count");
    *count = with(layer, [](auto& any) { return any.layout().entries.size(); });
  });
}
pst_status pst_layer_parameter(pst_layer* layer, size_t index, pst_parameter* parameter) {
  return status_of([&] { with(layer, [&](auto& any) { show_parameter(any.parameters(), index, parameter); }); });
}

pst_status pst_layer_statistic_count(pst_layer* layer, size_t* count) {
  return status_of([&] {
    need(count, "the count");
    *count = with(layer, [](auto& any) { return statistics_of(any).size(); });
  });
}
pst_status pst_layer_statistic(pst_layer* layer, size_t index, const char** name, pst_matrix* values) {
  return status_of([&] {
    need(values, "the statistic");
    with(layer, [&](auto& any) {
      const auto list = statistics_of(any);
      require(index < list.size(), "there is no statistic ", index, ", expected a number below ", list.size());
      if (name != nullptr) *name = list[index].first.data();
      *values = matrix_of(list[index].second);
    });
  });
}

// ---- layers: looking and exporting
const char* pst_layer_name(const pst_layer* layer) { return layer == nullptr ? "" : layer->name.c_str(); }
int64_t pst_layer_in(const pst_layer* layer) {
  return value_or(int64_t{0}, layer, [](const auto& any) { return any.shape().in; });
}
int64_t pst_layer_out(const pst_layer* layer) {
  return value_or(int64_t{0}, layer, [](const auto& any) { return any.shape().out; });
}
pst_type pst_layer_type(const pst_layer* layer) {
  return value_or(PST_F32, layer, [](const auto& any) { return type_of<scalar_in<decltype(any)>>; });
}
int64_t pst_layer_kept(const pst_layer* layer) {
  return value_or(int64_t{0}, layer, [](const auto& any) { return any.kept(); });
}
double pst_layer_sparsity(const pst_layer* layer) {
  return value_or(0.0, layer, [](const auto& any) { return any.sparsity(); });
}
uint64_t pst_layer_generation(const pst_layer* layer) {
  return value_or(uint64_t{0}, layer, [](const auto& any) { return any.generation(); });
}
pst_status pst_layer_report(pst_layer* layer, pst_report* report) {
  return status_of([&] { show(with(layer, [](auto& any) { return any.report(); }), report); });
}
int64_t pst_mask_words_per_row(int64_t in) { return MaskView<mask_word>::words_for(in); }
pst_status pst_layer_mask(pst_layer* layer, uint64_t* words) {
  return status_of([&] {
    need(words, "the mask");
    const auto mask = with(layer, [](auto& any) { return any.mask(); });
    require(mask.words != nullptr, "there is no mask: call pst_layer_attach before pst_layer_mask");
    for (index_t r = 0; r < mask.rows; ++r, words += mask.words_per_row)
      std::copy_n(mask.row(r), mask.words_per_row, words);
  });
}
pst_status pst_layer_set_mask(pst_layer* layer, const uint64_t* words) {
  return status_of([&] {
    need(words, "the mask");
    with(layer, [&](auto& any) { any.set_mask(MaskView<const mask_word>{words, any.shape().out, any.shape().in}); });
  });
}
pst_status pst_layer_export_masked(pst_layer* layer, pst_matrix out) {
  return status_of([&] {
    with(layer, [&](auto& any) { any.export_masked(view_of<scalar_in<decltype(any)>>(out, "the exported weight")); });
  });
}
pst_status pst_layer_export_csr(pst_layer* layer, int64_t* row_start, uint32_t* column, void* value) {
  return status_of([&] {
    need(row_start, "row_start");
    with(layer, [&](auto& any) {
      const auto rows = any.export_csr();
      require(rows.value.empty() || (column != nullptr && value != nullptr), "column or value is NULL");
      std::copy(rows.row_start.begin(), rows.row_start.end(), row_start);
      std::copy(rows.column.begin(), rows.column.end(), column);
      std::copy(rows.value.begin(), rows.value.end(), static_cast<scalar_in<decltype(any)>*>(value));
    });
  });
}

// ---- layers: state
pst_status pst_layer_save(pst_layer* layer, void* bytes, size_t* size) {
  return status_of([&] { hand_over(with(layer, [](auto& any) { return any.save_bytes(); }), bytes, size); });
}
pst_status pst_layer_restore(pst_layer* layer, const void* bytes, size_t size) {
  return status_of([&] { with(layer, [&](auto& any) { any.restore_bytes(bytes_of(bytes, size)); }); });
}
pst_status pst_layer_restore_kept(pst_layer* layer, const void* bytes, size_t size, const pst_matrix* bias) {
  return status_of([&] {
    with(layer, [&](auto& any) {
      using Scalar = scalar_in<decltype(any)>;
      const TensorList state = state_of_layer(bytes, size, layer->name);
      any = restore_kept<Scalar>(layer->name, any.shape(), state, bias_of<Scalar>(bias), layer->on);
    });
  });
}

pst_status pst_state_is_of_kept(const void* bytes, size_t size, const char* layer, int* is_of_kept) {
  return status_of([&] {
    need(is_of_kept, "the answer");
    *is_of_kept = pst::is_of_kept(state_of_layer(bytes, size, layer == nullptr ? "" : layer)) ? 1 : 0;
  });
}

// ---- sets
pst_status pst_set_new(pst_type type, int threads, pst_set** set) {
  return status_of([&] {
    need(set, "where the set is written to");
    *set = nullptr;
    require(type == PST_F32 || type == PST_F64, "layers compute in PST_F32 or PST_F64, found ", name_of_type(type));
    const SharedCpu on = share_cpu(threads);
    if (type == PST_F32)
      *set = new pst_set{on, LayerSet<float>{on}};
    else
      *set = new pst_set{on, LayerSet<double>{on}};
  });
}
void pst_set_free(pst_set* set) { delete set; }
pst_status pst_set_add(pst_set* set, const char* name, const char* specification, int64_t in, int64_t out,
                       pst_layer** layer) {
  return status_of([&] {
    if (layer != nullptr) *layer = nullptr;
    need(name, "the name");
    need(specification, "the specification");
    const LinearSpec spec = read_spec(specification);
    with_set(set, [&](auto& layers) {
      set->handles.push_back(pst_layer{&layers.add(name, spec, {.in = in, .out = out}), set->on, name});
    });
    if (layer != nullptr) *layer = &set->handles.back();
  });
}
size_t pst_set_size(const pst_set* set) { return set == nullptr ? 0 : set->handles.size(); }
pst_layer* pst_set_layer(pst_set* set, size_t index) {
  return index < pst_set_size(set) ? &set->handles[index] : nullptr;
}
pst_status pst_set_find(pst_set* set, const char* name, pst_layer** layer) {
  return status_of([&] {
    need(layer, "where the layer is written to");
    *layer = nullptr;
    need(name, "the name");
    with_set(set, [&](auto& layers) {
      const auto* const found = &layers.at(name);
      for (std::size_t i = 0; i < layers.size(); ++i)
        if (&layers[i] == found) *layer = &set->handles[i];
    });
  });
}
pst_status pst_set_zero_gradients(pst_set* set) {
  return status_of([&] { with_set(set, [](auto& layers) { layers.zero_gradients(); }); });
}
pst_status pst_set_refresh(pst_set* set, double progress) {
  return status_of([&] { with_set(set, [&](auto& layers) { layers.refresh(progress); }); });
}
pst_status pst_set_begin_step(pst_set* set, int64_t step, int64_t steps) {
  return status_of([&] { with_set(set, [&](auto& layers) { layers.begin_step(step, steps); }); });
}
pst_status pst_set_parameter_count(pst_set* set, size_t* count) {
  return status_of([&] {
    need(count, "the count");
    *count = with_set(set, [](auto& layers) { return layers.layout().entries.size(); });
  });
}
pst_status pst_set_parameter(pst_set* set, size_t index, pst_parameter* parameter) {
  return status_of(
      [&] { with_set(set, [&](auto& layers) { show_parameter(layers.parameters(), index, parameter); }); });
}
pst_status pst_set_layout(pst_set* set, pst_layout* layout) {
  return status_of([&] {
    need(set, "the set");
    show(set->shown, with_set(set, [](auto& layers) { return layers.layout(); }), layout);
  });
}
pst_status pst_set_bind(pst_set* set, void* parameters, void* gradients, pst_holds holds) {
  return status_of([&] {
    with_set(set, [&](auto& layers) {
      const SetLayout layout = layers.layout();
      bind<scalar_in<decltype(layers)>>(layers, layout.own, layout.size, parameters, gradients, holds);
    });
  });
}
pst_status pst_set_report(pst_set* set, pst_report* report) {
  return status_of([&] { show(with_set(set, [](auto& layers) { return layers.total_report(); }), report); });
}
pst_status pst_set_save(pst_set* set, void* bytes, size_t* size) {
  return status_of([&] { hand_over(with_set(set, [](auto& layers) { return layers.save_bytes(); }), bytes, size); });
}
pst_status pst_set_restore(pst_set* set, const void* bytes, size_t size) {
  return status_of([&] { with_set(set, [&](auto& layers) { layers.restore_bytes(bytes_of(bytes, size)); }); });
}

}  // extern "C"

}  // namespace pst::PST_ABI::detail::c
