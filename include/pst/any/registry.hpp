// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pst/any/linear_interface.hpp"
#include "pst/any/shared_cpu.hpp"
#include "pst/any/spec.hpp"

namespace pst::PST_ABI {

/// Makes a layer from a specification; `on` may be shared with other layers.
/// @ingroup any
template <class Scalar>
using MakeLinear =
    std::function<std::unique_ptr<LinearInterface<Scalar>>(const LinearSpec& spec, Shape shape, const SharedCpu& on)>;

/// Registers a way to make layers under a name, for `make_linear` everywhere in the process; `register_linear` makes
/// one from a layer type. Throws Error when the name is taken, empty, or has spaces or quotes in it. Threads may call
/// it at the same time.
/// @ingroup any
void register_maker(const std::string& name, MakeLinear<float> make);
void register_maker(const std::string& name, MakeLinear<double> make);

/// What was registered under a name. Throws Error when it makes no layers of this scalar type.
/// @ingroup any
template <class Scalar>
[[nodiscard]] MakeLinear<Scalar> registered_maker(const std::string& name);
template <>
MakeLinear<float> registered_maker<float>(const std::string& name);
template <>
MakeLinear<double> registered_maker<double>(const std::string& name);

/// Whether a method of this name has been registered.
/// @ingroup any
[[nodiscard]] bool is_registered(std::string_view name);
/// The names of all methods that were registered, in alphabetical order.
/// @ingroup any
[[nodiscard]] std::vector<std::string> registered_methods();

}  // namespace pst::PST_ABI
