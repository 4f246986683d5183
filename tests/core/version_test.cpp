// SPDX-License-Identifier: Apache-2.0
#include "pst/core/version.hpp"

#include <doctest/doctest.h>

#include <string>
#include <typeinfo>

#include "pst/core/config.hpp"

namespace pst::test {
namespace {

TEST_CASE("the version as text is that of the three numbers, and names the inline namespace") {
  const auto joined = [](const std::string& between) {
    return std::to_string(PST_VERSION_MAJOR) + between + std::to_string(PST_VERSION_MINOR) + between +
           std::to_string(PST_VERSION_PATCH);
  };
  CHECK(PST_VERSION_STRING == joined("."));
  CHECK(std::string{typeid(Shape).name()}.find("v" + joined("_")) != std::string::npos);
}
TEST_CASE("what depends on the instruction set carries it in its name, and nothing else does") {
  CHECK(std::string{typeid(EigenCpu*).name()}.find("isa_") != std::string::npos);
  CHECK(std::string{typeid(Shape).name()}.find("isa_") == std::string::npos);
}

}  // namespace
}  // namespace pst::test
