// SPDX-License-Identifier: Apache-2.0
#include "pst/c.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "pst/any/kept.hpp"
#include "pst/any/linear.hpp"
#include "support/host_matrix.hpp"

using namespace pst::test;

namespace {

constexpr std::int64_t c_in = 20, c_out = 12, c_tokens = 5;

template <class T>
pst_matrix matrix(HostMatrix<T>& from) {
  const auto view = from.view();
  return {view.data, std::is_same_v<T, float> ? PST_F32 : PST_F64, view.rows, view.cols, view.row_stride};
}
template <class T>
pst_const_matrix constant(const HostMatrix<T>& from) {
  const auto view = from.view();
  return {view.data, std::is_same_v<T, float> ? PST_F32 : PST_F64, view.rows, view.cols, view.row_stride};
}

/// The numbers of a layer.
template <class T>
struct Data {
  HostMatrix<T> weight = Draw{1}.normal<T>(c_out, c_in, 3), bias = Draw{2}.normal<T>(1, c_out),
                x = Draw{3}.normal<T>(c_tokens, c_in, 2), grad_y = Draw{4}.normal<T>(c_tokens, c_out),
                y{c_tokens, c_out, 1}, grad_x{c_tokens, c_in};
};

pst_layer* new_layer(const char* text, pst_type type = PST_F32) {
  pst_layer* layer = nullptr;
  INFO(text);
  REQUIRE(pst_layer_new(text, c_in, c_out, type, &layer) == PST_OK);
  return layer;
}

template <class T>
void check_against_any(pst_type type) {
  Data<T> data, other;
  const std::string text = "pst sparsity=0.5 bias=trained name=layer";
  pst_layer* layer = new_layer(text.c_str(), type);
  auto any = pst::make_linear<T>(pst::read_spec(text), {.in = c_in, .out = c_out});
  const pst_matrix bias = matrix(data.bias), grad_x = matrix(data.grad_x);
  REQUIRE(pst_layer_attach(layer, matrix(data.weight), &bias) == PST_OK);
  any.attach(other.weight.view(), other.bias.view());
  for (int step = 1; step <= 4; ++step) {
    REQUIRE(pst_layer_begin_step(layer, step, 4) == PST_OK);
    REQUIRE(pst_layer_forward(layer, constant(data.x), matrix(data.y)) == PST_OK);
    REQUIRE(pst_layer_backward(layer, constant(data.x), constant(data.grad_y), &grad_x, PST_ADD) == PST_OK);
    any.begin_step(step, 4);
    any.forward(other.x.view(), other.y.view());
    any.backward(other.x.view(), other.grad_y.view(), other.grad_x.view());
  }
  for (pst::index_t t = 0; t < c_tokens; ++t) {
    for (pst::index_t c = 0; c < c_out; ++c) CHECK(same_bits(data.y(t, c), other.y(t, c)));
    for (pst::index_t c = 0; c < c_in; ++c) CHECK(same_bits(data.grad_x(t, c), other.grad_x(t, c)));
  }
  const auto parameters = any.parameters();
  std::size_t count = 0;
  REQUIRE(pst_layer_parameter_count(layer, &count) == PST_OK);
  REQUIRE(count == parameters.size());
  for (std::size_t i = 0; i < count; ++i) {
    pst_parameter shown;
    REQUIRE(pst_layer_parameter(layer, i, &shown) == PST_OK);
    CHECK(shown.name == parameters[i].name);
    CHECK(static_cast<pst::ParameterGroup>(shown.group) == parameters[i].group);
    CHECK(shown.grad.rows == parameters[i].grad.rows);
    CHECK(std::equal(parameters[i].grad.data, parameters[i].grad.data + parameters[i].grad.size(),
                     static_cast<const T*>(shown.grad.data)));
  }
  CHECK(pst_layer_name(layer) == std::string{"layer"});
  CHECK(pst_layer_in(layer) == c_in);
  CHECK(pst_layer_out(layer) == c_out);
  CHECK(pst_layer_type(layer) == type);
  CHECK(pst_layer_kept(layer) == any.kept());
  CHECK(pst_layer_sparsity(layer) == any.sparsity());
  CHECK(pst_layer_generation(layer) == any.generation());
  pst_layer_free(layer);
}

}  // namespace

TEST_CASE("a layer in C has the bits of AnyLinear") {
  check_against_any<float>(PST_F32);
  check_against_any<double>(PST_F64);
}

TEST_CASE("parameters stand in two runs of a C program") {
  Data<float> data;
  pst_layer* layer = new_layer("movement name=m");
  REQUIRE(pst_layer_attach(layer, matrix(data.weight), nullptr) == PST_OK);
  pst_layout layout;
  REQUIRE(pst_layer_layout(layer, &layout) == PST_OK);
  REQUIRE(layout.count == 2);
  CHECK(layout.places[0].name == std::string{"m.score.S"});
  CHECK(layout.places[0].value_offset == layout.places[0].grad_offset);
  CHECK(layout.places[1].name == std::string{"m.weight"});
  CHECK(layout.places[1].value_offset == -1);
  CHECK(layout.own == c_in * c_out);
  CHECK(layout.size == 2 * c_in * c_out);
  std::vector<float> values(static_cast<std::size_t>(layout.own)), gradients(static_cast<std::size_t>(layout.size));
  REQUIRE(pst_layer_bind(layer, values.data(), gradients.data(), PST_NOTHING) == PST_OK);
  pst_parameter weight;
  REQUIRE(pst_layer_parameter(layer, 1, &weight) == PST_OK);
  CHECK(weight.value.data == data.weight.view().data);
  CHECK(weight.grad.data == gradients.data() + layout.places[1].grad_offset);
  pst_layer_free(layer);
}

TEST_CASE("state, mask and exports go out of a C layer and back") {
  Data<float> data;
  pst_layer *one = new_layer("pst sparsity=0.5 schedule=constant"), *two = nullptr;
  REQUIRE(pst_layer_attach_const(one, constant(data.weight), nullptr) == PST_OK);
  REQUIRE(pst_layer_clone(one, &two) == PST_OK);
  REQUIRE(pst_layer_begin_step(one, 1, 1) == PST_OK);
  REQUIRE(pst_layer_zero_gradients(one) == PST_OK);

  std::size_t size = 0;
  REQUIRE(pst_layer_save(one, nullptr, &size) == PST_OK);
  std::vector<std::byte> state(size);
  std::size_t too_small = size - 1;
  CHECK(pst_layer_save(one, state.data(), &too_small) == PST_REFUSED);
  REQUIRE(pst_layer_save(one, state.data(), &size) == PST_OK);
  REQUIRE(pst_layer_restore(two, state.data(), size) == PST_OK);
  CHECK(pst_layer_kept(two) == c_in * c_out / 2);
  CHECK(pst_layer_restore(two, state.data(), size / 2) == PST_REFUSED);

  std::vector<std::uint64_t> words(static_cast<std::size_t>(c_out * pst_mask_words_per_row(c_in))), other(words.size());
  REQUIRE(pst_layer_mask(one, words.data()) == PST_OK);
  words[0] ^= 3;
  const std::uint64_t before = pst_layer_generation(two);
  REQUIRE(pst_layer_set_mask(two, words.data()) == PST_OK);
  REQUIRE(pst_layer_mask(two, other.data()) == PST_OK);
  CHECK(words == other);
  CHECK(pst_layer_generation(two) != before);

  HostMatrix<float> masked(c_out, c_in);
  REQUIRE(pst_layer_export_masked(one, matrix(masked)) == PST_OK);
  const auto kept = static_cast<std::size_t>(pst_layer_kept(one));
  std::vector<std::int64_t> starts(c_out + 1);
  std::vector<std::uint32_t> columns(kept);
  std::vector<float> values(kept);
  REQUIRE(pst_layer_export_csr(one, starts.data(), columns.data(), values.data()) == PST_OK);
  CHECK(starts.back() == static_cast<std::int64_t>(kept));
  CHECK(values[0] == masked(0, columns[0]));

  pst_report report;
  REQUIRE(pst_layer_refresh(one, 1.0) == PST_OK);
  REQUIRE(pst_layer_report(one, &report) == PST_OK);
  CHECK(report.weights == c_in * c_out);
  CHECK(report.kept == c_in * c_out / 2);
  CHECK(report.target_sparsity == 0.5);
  pst_layer_free(one), pst_layer_free(two);
}

TEST_CASE("kept weights of a C layer train alone, in a set as well, and are made again from their state") {
  for (const bool in_set : {false, true}) {
    CAPTURE(in_set);
    Data<float> data, other;
    pst_set* set = nullptr;
    pst_layer *layer = nullptr, *again = new_layer("lora name=layer");
    const std::string text = "pst sparsity=0.5 bias=trained";
    if (in_set) {
      REQUIRE(pst_set_new(PST_F32, 1, &set) == PST_OK);
      REQUIRE(pst_set_add(set, "layer", text.c_str(), c_in, c_out, &layer) == PST_OK);
    } else {
      layer = new_layer((text + " name=layer").c_str());
    }
    const pst_matrix bias = matrix(data.bias);
    REQUIRE(pst_layer_attach(layer, matrix(data.weight), &bias) == PST_OK);
    CHECK(pst_layer_train_kept(layer, &bias) == PST_REFUSED);  // there is no mask yet
    REQUIRE(pst_layer_refresh(layer, 1.0) == PST_OK);
    CHECK(pst_layer_train_kept(layer, nullptr) == PST_REFUSED);
    const char* const name = pst_layer_name(layer);
    REQUIRE(pst_layer_train_kept(layer, &bias) == PST_OK);
    CHECK(name == std::string{"layer"});
    pst_layout layout;
    REQUIRE(pst_layer_layout(layer, &layout) == PST_OK);
    REQUIRE(layout.count == 2);
    CHECK(layout.places[0].name == std::string{"layer.weight.kept"});
    CHECK(layout.own == c_in * c_out / 2);

    auto any = pst::make_linear<float>(pst::read_spec(text + " name=layer"), {.in = c_in, .out = c_out});
    any.attach(other.weight.view(), other.bias.view());
    any.refresh(1.0);
    any = pst::train_kept<float>(any, other.bias.view());
    HostMatrix<float> found(c_out, c_in), expected(c_out, c_in);
    REQUIRE(pst_layer_export_masked(layer, matrix(found)) == PST_OK);
    any.export_masked(expected.view());
    CHECK(std::equal(found.view().data, found.view().data + found.view().size(), expected.view().data));

    const auto save = [&](void* bytes, std::size_t* size) {
      return in_set ? pst_set_save(set, bytes, size) : pst_layer_save(layer, bytes, size);
    };
    std::size_t size = 0;
    REQUIRE(save(nullptr, &size) == PST_OK);
    std::vector<std::byte> state(size);
    REQUIRE(save(state.data(), &size) == PST_OK);
    CHECK((in_set || state == any.save_bytes()));
    int is_of_kept = 0;
    REQUIRE(pst_state_is_of_kept(state.data(), size, in_set ? "layer" : nullptr, &is_of_kept) == PST_OK);
    CHECK(is_of_kept == 1);
    const pst_matrix own_bias = matrix(other.bias);
    other.bias(0, 1) = 5;  // the state has another one
    CHECK(pst_layer_restore_kept(again, state.data(), size / 2, &own_bias) == PST_REFUSED);
    CHECK(pst_layer_restore(again, state.data(), size) == PST_REFUSED);
    REQUIRE(pst_layer_restore_kept(again, state.data(), size, &own_bias) == PST_OK);
    CHECK(other.bias(0, 1) == data.bias(0, 1));
    REQUIRE(pst_layer_forward(again, constant(data.x), matrix(data.y)) == PST_OK);
    REQUIRE(pst_layer_forward(layer, constant(data.x), matrix(other.y)) == PST_OK);
    for (pst::index_t t = 0; t < c_tokens; ++t)
      for (pst::index_t c = 0; c < c_out; ++c) CHECK(same_bits(data.y(t, c), other.y(t, c)));
    pst_layer_free(again);
    if (in_set)
      pst_set_free(set);
    else
      pst_layer_free(layer);
  }
}

TEST_CASE("what scores have measured is shown in C, to be averaged") {
  Data<float> data;
  pst_layer* layer = new_layer("pst weighted_by=both");
  REQUIRE(pst_layer_attach(layer, matrix(data.weight), nullptr) == PST_OK);
  std::size_t count = 0;
  REQUIRE(pst_layer_statistic_count(layer, &count) == PST_OK);
  REQUIRE(count == 2);
  const char* name = nullptr;
  pst_matrix inputs, gradients;
  REQUIRE(pst_layer_statistic(layer, 0, &name, &inputs) == PST_OK);
  CHECK(name == std::string{"score.inputs"});
  CHECK(inputs.cols == c_in);
  REQUIRE(pst_layer_statistic(layer, 1, nullptr, &gradients) == PST_OK);
  CHECK(gradients.cols == c_out);
  REQUIRE(pst_layer_begin_step(layer, 1, 4) == PST_OK);
  REQUIRE(pst_layer_forward(layer, constant(data.x), matrix(data.y)) == PST_OK);
  REQUIRE(pst_layer_backward(layer, constant(data.x), constant(data.grad_y), nullptr, PST_ADD) == PST_OK);
  const auto* first = static_cast<const float*>(inputs.data);
  CHECK(std::all_of(first, first + c_in, [](float square) { return square > 0; }));
  CHECK(pst_layer_statistic(layer, 2, &name, &inputs) == PST_REFUSED);
  CHECK(pst_last_error() == std::string{"there is no statistic 2, expected a number below 2"});
  pst_layer_free(layer);
}

TEST_CASE("what is wrong is said to the thread that asked") {
  pst_layer* layer = nullptr;
  CHECK(pst_layer_new("pts", c_in, c_out, PST_F32, &layer) == PST_REFUSED);
  CHECK(layer == nullptr);
  CHECK(std::string{pst_last_error()}.ends_with("; did you mean pst?"));
  std::thread{[] { CHECK(std::string{pst_last_error()}.empty()); }}.join();
  CHECK(pst_layer_new(nullptr, c_in, c_out, PST_F32, &layer) == PST_REFUSED);
  CHECK(pst_last_error() == std::string{"the specification is NULL"});
  CHECK(pst_layer_new("pst", c_in, c_out, PST_F32, nullptr) == PST_REFUSED);
  CHECK(pst_layer_new("pst", c_in, c_out, PST_F16, &layer) == PST_REFUSED);
  CHECK(pst_last_error() == std::string{"a layer computes in PST_F32 or PST_F64, found PST_F16"});
  CHECK(pst_layer_new("pst", 0, c_out, PST_F32, &layer) == PST_REFUSED);
  CHECK(pst_layer_begin_step(nullptr, 1, 1) == PST_REFUSED);
  CHECK(pst_last_error() == std::string{"the layer is NULL"});

  Data<float> data;
  Data<double> wide;
  layer = new_layer("full");
  CHECK(pst_layer_forward(layer, constant(data.x), matrix(data.y)) == PST_REFUSED);
  CHECK(pst_layer_attach(layer, matrix(wide.weight), nullptr) == PST_REFUSED);
  CHECK(pst_last_error() == std::string{"the weight is of PST_F64, the layer computes in PST_F32"});
  CHECK(pst_layer_attach_const(layer, constant(data.weight), nullptr) == PST_REFUSED);
  CHECK(std::string{pst_last_error()}.find("trains in place") != std::string::npos);
  REQUIRE(pst_layer_attach(layer, matrix(data.weight), nullptr) == PST_OK);
  REQUIRE(pst_layer_begin_step(layer, 1, 1) == PST_OK);
  data.x(1, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK(pst_layer_backward(layer, constant(data.x), constant(data.grad_y), nullptr, PST_OVERWRITE) == PST_REFUSED);
  pst_parameter parameter;
  CHECK(pst_layer_parameter(layer, 1, &parameter) == PST_REFUSED);
  CHECK(pst_last_error() == std::string{"there is no parameter 1, expected a number below 1"});
  pst_layer_free(layer);
  pst_layer_free(nullptr);
}

TEST_CASE("a set in C holds layers of different methods") {
  Data<float> data, other;
  pst_set* set = nullptr;
  REQUIRE(pst_set_new(PST_F32, 1, &set) == PST_OK);
  pst_layer *first = nullptr, *found = nullptr;
  REQUIRE(pst_set_add(set, "a", "pst selector=global sparsity=0.5 schedule=constant", c_in, c_out, &first) == PST_OK);
  REQUIRE(pst_set_add(set, "b", "magnitude selector=global sparsity=0.5 schedule=constant", c_in, c_out, nullptr) ==
          PST_OK);
  CHECK(pst_set_add(set, "b", "pst", c_in, c_out, &found) == PST_REFUSED);
  CHECK(pst_set_size(set) == 2);
  CHECK(pst_set_layer(set, 0) == first);
  CHECK(pst_set_layer(set, 2) == nullptr);
  REQUIRE(pst_set_find(set, "b", &found) == PST_OK);
  CHECK(found == pst_set_layer(set, 1));
  CHECK(pst_set_find(set, "c", &found) == PST_REFUSED);
  REQUIRE(pst_layer_attach(first, matrix(data.weight), nullptr) == PST_OK);
  REQUIRE(pst_layer_attach(pst_set_layer(set, 1), matrix(other.weight), nullptr) == PST_OK);

  pst_layout layout;
  REQUIRE(pst_set_layout(set, &layout) == PST_OK);
  std::vector<float> values(static_cast<std::size_t>(layout.own)), gradients(static_cast<std::size_t>(layout.size));
  REQUIRE(pst_set_bind(set, values.data(), gradients.data(), PST_NOTHING) == PST_OK);
  REQUIRE(pst_set_begin_step(set, 1, 2) == PST_OK);
  REQUIRE(pst_set_refresh(set, 1.0) == PST_OK);
  REQUIRE(pst_set_zero_gradients(set) == PST_OK);
  pst_report report;
  REQUIRE(pst_set_report(set, &report) == PST_OK);
  CHECK(report.kept == c_in * c_out);
  CHECK(report.weights == 2 * c_in * c_out);

  std::size_t count = 0, size = 0;
  REQUIRE(pst_set_parameter_count(set, &count) == PST_OK);
  CHECK(count == layout.count);
  pst_parameter parameter;
  REQUIRE(pst_set_parameter(set, count - 1, &parameter) == PST_OK);
  CHECK(parameter.name == std::string{"b.weight"});
  REQUIRE(pst_set_save(set, nullptr, &size) == PST_OK);
  std::vector<std::byte> state(size);
  REQUIRE(pst_set_save(set, state.data(), &size) == PST_OK);
  REQUIRE(pst_set_restore(set, state.data(), size) == PST_OK);
  CHECK(pst_set_restore(set, state.data(), size - 1) == PST_REFUSED);
  pst_set_free(set);
  CHECK(pst_set_new(PST_F32, -1, &set) == PST_REFUSED);
  CHECK(set == nullptr);
}
