// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include "pst/any/linear_of.hpp"
#include "pst/any/registry.hpp"

namespace pst::PST_ABI {

/// Registers a SparseLinear of one's own under a name, in one line:
/// @code
/// pst::register_linear<MyLayer>("mine", [](const pst::LinearSpec& spec) { return MyLayer::Options{...}; });
/// @endcode
/// `options_of` reads what the layer is made from out of a specification; the name and the seed of the specification
/// are put in afterwards. A layer whose backend is that of a SharedCpu shares it. Throws Error when the name is taken.
/// @ingroup any
template <class Layer, class OptionsOf>
requires std::convertible_to < std::invoke_result_t<OptionsOf&, const LinearSpec&>,
typename Layer::Options > void register_linear(const std::string& name, OptionsOf options_of) {
  using Scalar = typename Layer::scalar;
  using Backend = typename Layer::backend;
  register_maker(name, MakeLinear<Scalar>{[options_of](const LinearSpec& spec, Shape shape, const SharedCpu& on) {
                   typename Layer::Options options = options_of(spec);
                   options.name = spec.name;
                   options.seed = spec.seed;
                   Layer layer{shape, std::move(options), on.backend_or<Backend>([] { return Backend{}; })};
                   return std::unique_ptr<LinearInterface<Scalar>>{std::make_unique<LinearOf<Layer>>(std::move(layer))};
                 }});
}
/// The same for a layer with its default options.
/// @ingroup any
template <class Layer>
void register_linear(const std::string& name) {
  register_linear<Layer>(name, [](const LinearSpec&) { return typename Layer::Options{}; });
}

}  // namespace pst::PST_ABI
