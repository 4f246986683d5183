// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <exception>
#include <string>

#include "pst/backend/eigen_cpu.hpp"
#include "pst/backend/reference.hpp"
#include "pst/core/error.hpp"

namespace pst::test {

/// What a typed test runs on.
template <class Backend, class Scalar>
struct On {
  using backend = Backend;
  using scalar = Scalar;
};
/// A backend that cuts every weight into five parts of small blocks and tiles, however small it is.
template <class Backend>
struct InParts : Backend {
  using Backend::Backend;
  [[nodiscard]] WorkPlan plan(Shape shape, index_t row_multiple) const noexcept {
    constexpr Shape tile{.in = CompressedView<float, HostSpace>::panel_cols, .out = 2};
    return WorkPlan::cut(shape, 5, 3, tile, row_multiple);
  }
};
using ReferenceFloat = On<Reference, float>;
using ReferenceDouble = On<Reference, double>;
using EigenFloat = On<EigenCpu, float>;
using EigenDouble = On<EigenCpu, double>;
using PartsFloat = On<InParts<EigenCpu>, float>;
using PartsDouble = On<InParts<EigenCpu>, double>;

/// The text of the pst::Error that `call` throws; says so when it throws nothing.
template <class Call>
[[nodiscard]] std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string{"not a pst::Error: "} + error.what();
  }
  return "nothing was thrown";
}

}  // namespace pst::test

TYPE_TO_STRING(pst::test::ReferenceFloat);
TYPE_TO_STRING(pst::test::ReferenceDouble);
TYPE_TO_STRING(pst::test::EigenFloat);
TYPE_TO_STRING(pst::test::EigenDouble);
TYPE_TO_STRING(pst::test::PartsFloat);
TYPE_TO_STRING(pst::test::PartsDouble);
