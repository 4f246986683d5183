// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/any/changed.hpp"
#include "pst/any/implementation/kept.hpp"
#include "pst/any/kept_linear_of.hpp"
#include "pst/backend/eigen_cpu.hpp"
#include "pst/delta/gated.hpp"
#include "pst/layer/changed_linear.hpp"
#include "pst/layer/keep_largest.hpp"
#include "pst/layer/training_state.hpp"
#include "pst/storage/stored_as.hpp"
#include "pst/storage/stored_as_scalar.hpp"

// How the layers of any/changed.hpp are made. A part of any/implementation.hpp.

namespace pst::PST_ABI::detail {

/// z .* w of a gated layer outside of steps, out x in.
template <class Scalar>
void write_change(AnyLinear<Scalar>& gated, MatrixView<Scalar> out) {
  MatrixView<const Scalar> change{}, alpha{};
  gated.for_each_parameter([&](const Parameter<Scalar>& each) {
    const std::string name = name_in_layer(gated.name(), each.name);
    if (name == "delta.w") change = each.value;
    if (name == "delta.gate") alpha = each.value;
  });
  require(change.data != nullptr && alpha.data != nullptr, "layer ", gated.name(),
          ": has no gates, expected a layer whose delta is gated");
  EigenCpu{1}.map(out, functors::RestingChange{}, change, alpha);
}

template <class Scalar>
[[nodiscard]] std::vector<Places> largest_of(std::span<AnyLinear<Scalar>* const> gated, double share) {
  require(share > 0 && share <= 1, "the share of numbers that change is ", share,
          ", expected one above 0 and at most 1");
  std::vector<Places> places;
  std::vector<MaskView<mask_word>> masks;
  index_t size = 0, largest = 0;
  for (const AnyLinear<Scalar>* layer : gated) {
    const Shape shape = layer->shape();
    const auto words = static_cast<std::size_t>(shape.out * MaskView<mask_word>::words_for(shape.in));
    places.push_back({shape, std::vector<mask_word>(words)});
    size += shape.size(), largest = std::max(largest, shape.size());
  }
  for (Places& each : places) masks.push_back({each.words.data(), each.shape.out, each.shape.in});
  std::vector<Scalar> memory(static_cast<std::size_t>(largest));
  EigenCpu on{1};
  const auto numbers_of = [&](std::size_t i) {
    const MatrixView<Scalar> numbers{memory.data(), places[i].shape.out, places[i].shape.in};
    write_change(*gated[i], numbers);
    refuse_non_finite(on, "layer " + gated[i]->name(), "what is added to the weight",
                      MatrixView<const Scalar>{numbers});
    on.map(numbers, functors::Absolute{}, MatrixView<const Scalar>{numbers});
    return MatrixView<const Scalar>{numbers};
  };
  if (!gated.empty())
    keep_largest<Scalar>(on, std::span<const MaskView<mask_word>>{masks}, share_of(size, share), numbers_of);
  return places;
}

/// A layer of a type that fits the weight and the bias, whose D `fill` is shown with all of it 0.
template <class Scalar, class Fill>
[[nodiscard]] AnyLinear<Scalar> any_changed(const std::string& name, const Places& places, bool trains_bias,
                                            LentWeight<Scalar> weight, LentBias<Scalar> bias, const SharedCpu& on,
                                            Fill&& fill) {
  const auto make = [&]<class Storage, class View>(Storage, View view) {
    return with_bias<Scalar>(name, trains_bias, bias, [&]<class Bias>(Bias) {
      using Layer = ChangedLinear<Scalar, Bias, EigenCpu, Storage>;
      Layer layer{places.shape, {.name = name}, on.backend_or<EigenCpu>([] { return EigenCpu{}; })};
      layer.attach(view, places.mask(), KeptLinearOf<Layer>::bias_of(bias));
      fill(layer);
      return AnyLinear<Scalar>{std::make_unique<KeptLinearOf<Layer>>(std::move(layer))};
    });
  };
  return weight.visit([&]<class T>(StridedView<T> view) -> AnyLinear<Scalar> {
    using Number = std::remove_const_t<T>;
    if constexpr (std::is_same_v<Number, Scalar>)
      return make(StoredAsScalar{}, StridedView<const Scalar>{view});
    else if constexpr (std::is_same_v<Scalar, float>)
      return make(StoredAs<Number>{}, view);
    else
      fail("layer ", name,
           ": the weight consists of numbers of 16 bits, but the layer computes in double: expected "
           "double");
  });
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> changed_of(AnyLinear<Scalar>& gated, const Places& places, LentWeight<Scalar> weight,
                                           LentBias<Scalar> bias, const SharedCpu& on) {
  const Shape shape = gated.shape();
  require(places.shape == shape, "layer ", gated.name(), ": the places are those of a weight of ", places.shape.out,
          " x ", places.shape.in, ", expected ", shape.out, " x ", shape.in);
  std::vector<Scalar> memory(static_cast<std::size_t>(shape.size()));
  const MatrixView<Scalar> change{memory.data(), shape.out, shape.in};
  write_change(gated, change);
  return any_changed(gated.name(), places, trains_bias(gated), weight, bias, on,
                     [&](auto& layer) { layer.fill(change); });
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> changed_from(const std::string& name, Shape shape, const TensorList& state,
                                             LentWeight<Scalar> weight, LentBias<Scalar> bias, const SharedCpu& on) {
  return any_changed(name, places_of(state, shape), saves_bias(state), weight, bias, on,
                     [&](auto& layer) { layer.restore(state); });
}

}  // namespace pst::PST_ABI::detail
