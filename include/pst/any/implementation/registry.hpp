// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pst/any/implementation/composition.hpp"
#include "pst/any/registry.hpp"
#include "pst/core/error.hpp"

// What any/registry.hpp declares. A part of any/implementation.hpp.

namespace pst::PST_ABI {

namespace detail {

/// The methods that were registered in this process.
class Registry {
 public:
  struct Makers {
    MakeLinear<float> of_float;
    MakeLinear<double> of_double;
  };

  [[nodiscard]] static Registry& of_process() {
    static Registry registry;
    return registry;
  }
  template <class Scalar>
  void add(const std::string& name, MakeLinear<Scalar> make) {
    require(!name.empty() && name.find_first_of(" \t\n\"\\=") == std::string::npos, "a method is registered as \"",
            name, "\", expected a name without spaces, quotes and equals signs");
    require(find_method(name) == nullptr, "a method is registered as ", name,
            ", which is one of the library's: choose another name");
    const std::lock_guard lock{mutex_};
    MakeLinear<Scalar>& place = member<Scalar>(makers_[name]);
    require(!place, "a method is registered as ", name, ", which is taken: choose another name");
    place = std::move(make);
  }
  [[nodiscard]] bool has(std::string_view name) {
    const std::lock_guard lock{mutex_};
    return makers_.find(name) != makers_.end();
  }
  [[nodiscard]] std::vector<std::string> names() {
    const std::lock_guard lock{mutex_};
    std::vector<std::string> list;
    for (const auto& [name, makers] : makers_) list.push_back(name);
    return list;
  }
  /// What makes layers of a registered method.
  template <class Scalar>
  [[nodiscard]] MakeLinear<Scalar> find(const std::string& name) {
    const std::lock_guard lock{mutex_};
    const auto found = makers_.find(name);
    require(found != makers_.end(), "there is no registered method \"", name, '"');
    MakeLinear<Scalar> make = member<Scalar>(found->second);
    require(static_cast<bool>(make), "method ", name, " has no layer of ",
            std::is_same_v<Scalar, float> ? "float" : "double", ": register one");
    return make;
  }

 private:
  template <class Scalar>
  [[nodiscard]] static MakeLinear<Scalar>& member(Makers& makers) {
    if constexpr (std::is_same_v<Scalar, float>)
      return makers.of_float;
    else
      return makers.of_double;
  }

  std::mutex mutex_;
  std::map<std::string, Makers, std::less<>> makers_;
};

}  // namespace detail

void register_maker(const std::string& name, MakeLinear<float> make) {
  detail::Registry::of_process().add<float>(name, std::move(make));
}
void register_maker(const std::string& name, MakeLinear<double> make) {
  detail::Registry::of_process().add<double>(name, std::move(make));
}
template <>
MakeLinear<float> registered_maker<float>(const std::string& name) {
  return detail::Registry::of_process().find<float>(name);
}
template <>
MakeLinear<double> registered_maker<double>(const std::string& name) {
  return detail::Registry::of_process().find<double>(name);
}
bool is_registered(std::string_view name) { return detail::Registry::of_process().has(name); }
std::vector<std::string> registered_methods() { return detail::Registry::of_process().names(); }

}  // namespace pst::PST_ABI
