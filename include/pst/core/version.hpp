// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The version of the library; the build system reads these three lines.
#define PST_VERSION_MAJOR 0
#define PST_VERSION_MINOR 1
#define PST_VERSION_PATCH 0
