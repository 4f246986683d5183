// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The version of the library; the build system reads these three lines.
#define PST_VERSION_MAJOR 0
#define PST_VERSION_MINOR 1
#define PST_VERSION_PATCH 0

/// The version as text: "major.minor.patch".
#define PST_VERSION_STRING PST_VERSION_AS(PST_VERSION_TEXT, PST_VERSION_MAJOR, PST_VERSION_MINOR, PST_VERSION_PATCH)
#define PST_VERSION_AS(form, ...) form(__VA_ARGS__)
#define PST_VERSION_TEXT(major, minor, patch) #major "." #minor "." #patch
