// SPDX-License-Identifier: Apache-2.0
#include <pst/core/version.hpp>

int main() { return PST_VERSION_MAJOR < 0; }
