// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace pst::test {

/// Whether an allocation that is too large ends the program instead of throwing std::bad_alloc: so the address
/// sanitizer has it.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool large_allocations_abort = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool large_allocations_abort = true;
#else
inline constexpr bool large_allocations_abort = false;
#endif
#else
inline constexpr bool large_allocations_abort = false;
#endif

}  // namespace pst::test
