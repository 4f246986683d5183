// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#include "support/layer_tools.hpp"

// Every way to allocate is counted in the whole program. Sanitizers bring a malloc of their own: there, new alone is.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PST_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PST_TEST_SANITIZED
#endif
#endif

namespace {

std::atomic<long> allocations{0};
void count_one() noexcept { allocations.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

#if defined(__GLIBC__) && !defined(PST_TEST_SANITIZED)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) noexcept {
  count_one();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  count_one();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  count_one();
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  count_one();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  count_one();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  count_one();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}
#endif

// Inlined, free would seem not to match new.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  count_one();
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  count_one();
  const auto step = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(step, (size + step - 1) / step * step + (size == 0 ? step : 0));
}
void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc{};
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (void* memory = operator new(size, alignment, std::nothrow)) return memory;
  throw std::bad_alloc{};
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return operator new(size, alignment); }
void* operator new[](std::size_t size, const std::nothrow_t& none) noexcept { return operator new(size, none); }
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t& none) noexcept {
  return operator new(size, alignment, none);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace pst::test {
namespace {

#ifdef PST_TEST_SANITIZED
constexpr long ways_counted = 1;
#else
constexpr long ways_counted = 2;  // new, and the malloc inside it
#endif

/// How often `work` allocates.
template <class Work>
long allocations_of(Work&& work) {
  const long before = allocations;
  work();
  return allocations - before;
}

template <class Layer>
void check_no_allocations(Layer& layer, index_t in, index_t out, MatrixView<typename Layer::scalar> weight) {
  using Scalar = typename Layer::scalar;
  auto bias = Draw{2}.normal<Scalar>(1, out);
  const auto x = Draw{3}.normal<Scalar>(130, in), grad_y = Draw{4}.normal<Scalar>(130, out);
  HostMatrix<Scalar> y(130, out), grad_x(130, in);
  layer.attach(weight, bias.view());
  layer.begin_step(1);
  const auto pass = [&](index_t tokens) {
    layer.forward(x.view().middle_rows(0, tokens), y.view().middle_rows(0, tokens));
    layer.backward(x.view().middle_rows(0, tokens), grad_y.view().middle_rows(0, tokens),
                   grad_x.view().middle_rows(0, tokens));
  };
  pass(130);  // the OpenMP runtime starts its threads, for which it allocates
  for (index_t tokens : {130, 3, 1, 64}) CHECK(allocations_of([&] { pass(tokens); }) == 0);
}

/// Stops the compiler from leaving out an allocation that is not used.
void use(const void* memory) {
  static const void* volatile used;
  used = memory;
}

TEST_CASE("the counter sees every way to allocate") {
  CHECK(allocations_of([] { use(HostBuffer<float>(3).data()); }) == ways_counted);
  CHECK(allocations_of([] { use(std::vector<int>(3).data()); }) == ways_counted);
  CHECK(allocations_of([] { use(std::string(100, 'x').data()); }) == ways_counted);
  CHECK(allocations_of([] {
          int* const memory = new (std::nothrow) int[5];
          use(memory);
          delete[] memory;
        }) == ways_counted);
#ifndef PST_TEST_SANITIZED
  CHECK(allocations_of([] {
          void* const memory = std::malloc(8);
          use(memory);
          std::free(memory);
        }) == 1);
#endif
}
TEST_CASE_TEMPLATE("forward and backward allocate nothing", T, ReferenceFloat, ReferenceDouble, EigenFloat, EigenDouble,
                   PartsFloat) {
  auto weight = Draw{1}.normal<typename T::scalar>(45, 70);
  for (double dense_above_density : {0.0, 1.0}) {
    CAPTURE(dense_above_density);
    PstLayer<T> layer{{.in = 70, .out = 45}, {.dense_above_density = dense_above_density}};
    check_no_allocations(layer, 70, 45, weight.view());
  }
}
TEST_CASE("two threads allocate nothing either") {
  auto weight = Draw{1}.normal<float>(45, 70);
  for (double dense_above_density : {0.0, 1.0}) {
    CAPTURE(dense_above_density);
    PstLayer<EigenFloat> layer{{.in = 70, .out = 45}, {.dense_above_density = dense_above_density}, EigenCpu{2}};
    check_no_allocations(layer, 70, 45, weight.view());
  }
}
TEST_CASE_TEMPLATE("a layer trained in place with scores of its own allocates nothing", T, ReferenceFloat, EigenFloat) {
  auto weight = Draw{1}.normal<float>(45, 70);
  for (double dense_above_density : {0.0, 1.0}) {
    SparseLinear<float, SoftMovement, Full, Threshold, CubicSchedule, MaskedGradient, TrainedBias, typename T::backend>
        layer{{.in = 70, .out = 45}, {.dense_above_density = dense_above_density}};
    check_no_allocations(layer, 70, 45, weight.view());
  }
}

}  // namespace
}  // namespace pst::test
