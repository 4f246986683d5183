// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pthread.h>

#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// Calls `f` on a thread with a stack of so many bytes.
template <class F>
void on_small_stack(std::size_t bytes, F f) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  REQUIRE(::pthread_attr_setstacksize(&attributes, bytes) == 0);
  pthread_t thread;
  const auto call = [](void* function) -> void* {
    (*static_cast<F*>(function))();
    return nullptr;
  };
  REQUIRE(::pthread_create(&thread, &attributes, call, &f) == 0);
  ::pthread_join(thread, nullptr);
  ::pthread_attr_destroy(&attributes);
}

// Frames are larger under the address sanitizer.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t stack = 1 << 20;
#elif defined(__clang__)
constexpr std::size_t stack = __has_feature(address_sanitizer) ? 1 << 20 : 96 << 10;
#else
constexpr std::size_t stack = 96 << 10;
#endif

TEST_CASE("a sparse matrix multiplies on a stack of 96 KB") {
  const auto dense = Draw{1}.normal<float>(600, 300), x = Draw{2}.normal<float>(70, 300, 1);
  const SparseMatrix<float> matrix{dense.view(), "", EigenCpu{1}};
  for (const index_t tokens : {1, 8, 70}) {
    const auto in = x.view().middle_rows(0, tokens);
    HostMatrix<float> expected(tokens, 600), y(tokens, 600);
    matrix.product(in, expected.view());
    on_small_stack(stack, [&] { matrix.product(in, y.view()); });
    CHECK(distance(y, expected) == 0);
  }
}

}  // namespace
}  // namespace pst::test
