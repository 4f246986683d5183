// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <pst/core/config.hpp>

/// The sizes that all benchmarks share.
namespace bench {

using pst::index_t;

/// Square, wide, tall, and larger than any cache.
inline constexpr std::array<pst::Shape, 4> shapes{{
    {.in = 768, .out = 768},
    {.in = 768, .out = 3072},
    {.in = 3072, .out = 768},
    {.in = 4096, .out = 4096},
}};
/// The shape of those that stands for all where more than one size varies.
inline constexpr pst::Shape usual_shape = shapes[1];
/// Tokens of a training step, and of generating text.
inline constexpr index_t many_tokens = 1024;
inline constexpr std::array<index_t, 3> few_tokens{1, 8, 64};
/// Kept weights, in percent: where sparse is good, where it is used at all, and between.
inline constexpr std::array<index_t, 4> densities{5, 10, 20, 30};
inline constexpr index_t usual_density = 10;

}  // namespace bench
