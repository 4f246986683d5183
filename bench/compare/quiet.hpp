// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace compare {

/// Waits until no other thread of this process runs, but at most a second.
///
/// Libraries let their threads spin for a while after a product, in the hope of the next one: OpenBLAS for more than
/// 100 ms, libgomp for some, libomp for 200. What is measured next would have to share the cores with them. Asking for
/// sleep with OMP_WAIT_POLICY=passive is no way out: libgomp reads it before main() runs, OpenBLAS does not know it,
/// and it would slow whoever has many short regions. So each library keeps its habits, and is waited for.
void await_quiet();

}  // namespace compare
