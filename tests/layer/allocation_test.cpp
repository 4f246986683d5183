// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <concepts>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "support/host_mask.hpp"
#include "support/layer_tools.hpp"

// Every way to allocate is counted in the whole program. Sanitizers bring a malloc of their own: there, new alone is.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define PST_TEST_COUNTS_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PST_TEST_COUNTS_MALLOC 0
#endif
#endif
#ifndef PST_TEST_COUNTS_MALLOC
#define PST_TEST_COUNTS_MALLOC 1
#endif

namespace {

std::atomic<long> calls_of_malloc{0};
std::atomic<long> calls_of_new{0};

}  // namespace

#if PST_TEST_COUNTS_MALLOC
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) noexcept {
  ++calls_of_malloc;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  ++calls_of_malloc;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  ++calls_of_malloc;
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  ++calls_of_malloc;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++calls_of_malloc;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  ++calls_of_malloc;
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}
#endif

// Inlined, they would seem not to match.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++calls_of_new;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  ++calls_of_new;
  const auto step = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(step, (size + step - 1) / step * step + (size == 0 ? step : 0));
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  if (void* memory = operator new(size, alignment, std::nothrow)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t& none) noexcept {
  return operator new(size, none);
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment,
                                       const std::nothrow_t& none) noexcept {
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

/// How often `work` calls a counted function.
template <class Work>
long calls(const std::atomic<long>& counter, Work&& work) {
  const long before = counter;
  work();
  return counter - before;
}

/// With more than one thread, what the OpenMP runtime allocates by malloc is not counted.
template <class Layer>
void check_no_allocations(Layer& layer, MatrixView<typename Layer::scalar> weight, bool threads = false) {
  using Scalar = typename Layer::scalar;
  const index_t in = weight.cols, out = weight.rows;
  auto bias = Draw{2}.normal<Scalar>(1, out);
  const auto x = Draw{3}.normal<Scalar>(130, in), grad_y = Draw{4}.normal<Scalar>(130, out);
  HostMatrix<Scalar> y(130, out), grad_x(130, in);
  layer.attach(weight, bias.view());
  layer.begin_step(1, 1);
  for (index_t tokens : {130, 3, 1, 64}) {
    const auto pass = [&] {
      layer.forward(x.view().middle_rows(0, tokens), y.view().middle_rows(0, tokens));
      layer.backward(x.view().middle_rows(0, tokens), grad_y.view().middle_rows(0, tokens),
                     grad_x.view().middle_rows(0, tokens));
    };
    CHECK(calls(calls_of_new, pass) == 0);
    if (!threads) CHECK(calls(calls_of_malloc, pass) == 0);
  }
}
/// Steps in which the mask stays, with their passes.
template <class Layer>
void check_no_allocations_in_steps(Layer& layer, MatrixView<const typename Layer::scalar> weight,
                                   bool threads = false) {
  using Scalar = typename Layer::scalar;
  const auto x = Draw{3}.normal<Scalar>(130, weight.cols), grad_y = Draw{4}.normal<Scalar>(130, weight.rows);
  HostMatrix<Scalar> y(130, weight.rows), grad_x(130, weight.cols);
  layer.attach(weight);
  for (int warm_up = 0; warm_up < 2; ++warm_up) {  // a mask is made; scores learn, and then rest
    layer.begin_step(9, 10);
    layer.forward(x.view(), y.view());
    layer.backward(x.view(), grad_y.view(), grad_x.view());
  }
  for (index_t tokens : {130, 3, 1, 64}) {
    const auto step = [&] {
      layer.begin_step(9, 10);
      layer.forward(x.view().middle_rows(0, tokens), y.view().middle_rows(0, tokens));
      layer.backward(x.view().middle_rows(0, tokens), grad_y.view().middle_rows(0, tokens),
                     grad_x.view().middle_rows(0, tokens));
    };
    CHECK(calls(calls_of_new, step) == 0);
    if (!threads) CHECK(calls(calls_of_malloc, step) == 0);
  }
}
/// The backend on one thread: OpenMP is not asked for any.
template <class Backend>
Backend on_one_thread() {
  if constexpr (std::constructible_from<Backend, int>)
    return Backend{1};
  else
    return {};
}

/// Stops the compiler from leaving out an allocation that is not used.
void use(const void* memory) {
  [[maybe_unused]] static const void* volatile used;
  used = memory;
}

TEST_CASE("the counters see every way to allocate") {
  const auto check = [](auto&& allocate) {
    CHECK(calls(calls_of_new, allocate) == 1);
    CHECK(calls(calls_of_malloc, allocate) == PST_TEST_COUNTS_MALLOC);
  };
  check([] { use(HostBuffer<float>(3).data()); });
  check([] { use(std::vector<int>(3).data()); });
  check([] { use(std::string(100, 'x').data()); });
  check([] {
    int* const memory = new (std::nothrow) int[5];
    use(memory);
    delete[] memory;
  });
  CHECK(calls(calls_of_malloc, [] {
          void* const memory = std::malloc(8);
          use(memory);
          std::free(memory);
        }) == PST_TEST_COUNTS_MALLOC);
}
TEST_CASE_TEMPLATE("forward and backward allocate nothing", T, ReferenceDouble, PartsFloat) {
  auto weight = Draw{1}.normal<typename T::scalar>(45, 70);
  for (double dense_above_density : {0.0, 1.0}) {
    CAPTURE(dense_above_density);
    PstLayer<T> layer{
        {.in = 70, .out = 45}, {.dense_above_density = dense_above_density}, on_one_thread<typename T::backend>()};
    check_no_allocations(layer, weight.view());
  }
}
TEST_CASE_TEMPLATE("forward and backward on two threads allocate nothing", T, PartsFloat) {
  auto weight = Draw{1}.normal<float>(45, 70), large_weight = Draw{2}.normal<float>(200, 50);
  for (double dense_above_density : {0.0, 1.0}) {
    CAPTURE(dense_above_density);
    PstLayer<T> layer{{.in = 70, .out = 45}, {.dense_above_density = dense_above_density}, typename T::backend{2}};
    check_no_allocations(layer, weight.view(), true);
    PstLayer<T> large{{.in = 50, .out = 200}, {.dense_above_density = dense_above_density}, typename T::backend{2}};
    check_no_allocations(large, large_weight.view(), true);  // enough rows for both threads
  }
}
TEST_CASE_TEMPLATE("a layer trained in place with scores of its own allocates nothing", T, ReferenceFloat, PartsFloat) {
  auto weight = Draw{1}.normal<float>(45, 70);
  for (double dense_above_density : {0.0, 1.0}) {
    CAPTURE(dense_above_density);
    SparseLinear<float, SoftMovement, Full, Threshold, CubicSchedule, MaskedGradient, TrainedBias, typename T::backend>
        layer{
            {.in = 70, .out = 45}, {.dense_above_density = dense_above_density}, on_one_thread<typename T::backend>()};
    check_no_allocations(layer, weight.view());
  }
}

TEST_CASE_TEMPLATE("forward and backward allocate nothing while scores rest or learn from some tokens", T,
                   ReferenceDouble, PartsFloat) {
  auto weight = Draw{1}.normal<typename T::scalar>(45, 70);
  const auto check = [&]<class ScoreGradient>(ScoreGradient) {
    typename PstLayer<T>::template with<ScoreGradient> layer{
        {.in = 70, .out = 45}, {}, on_one_thread<typename T::backend>()};
    check_no_allocations(layer, weight.view());
  };
  check(ScoreRestAfter{});
  check(ScoreTokenSample{});
}
TEST_CASE_TEMPLATE("steps in which the mask stays allocate nothing", T, ReferenceDouble, PartsFloat) {
  const auto weight = Draw{1}.normal<typename T::scalar>(45, 70);
  const auto check = [&]<class ScoreGradient>(ScoreGradient) {
    for (double dense_above_density : {0.0, 1.0}) {
      CAPTURE(dense_above_density);
      using Layer = typename PstLayer<T>::template with<ScoreGradient>::template with<RefreshUntil>;
      Layer layer{
          {.in = 70, .out = 45}, {.dense_above_density = dense_above_density}, on_one_thread<typename T::backend>()};
      check_no_allocations_in_steps(layer, weight.view());
      if constexpr (std::constructible_from<typename T::backend, int>) {
        Layer on_two{{.in = 70, .out = 45}, {.dense_above_density = dense_above_density}, typename T::backend{2}};
        check_no_allocations_in_steps(on_two, weight.view(), true);
      }
    }
  };
  check(ScoreEveryStep{});
  check(ScoreEveryKthStep{});
  check(ScoreTokenSample{});
}

TEST_CASE_TEMPLATE("a step that refreshes the mask allocates nothing", T, ReferenceDouble, PartsFloat) {
  const auto weight = Draw{1}.normal<typename T::scalar>(45, 70);
  const auto check = [&]<class Selector>(Selector) {
    using Layer = typename PstLayer<T>::template with<Selector>::template with<FrozenBias>;
    Layer layer{{.in = 70, .out = 45}, {}, on_one_thread<typename T::backend>()};
    check_no_allocations_in_steps(layer, weight.view());
  };
  check(TopK{});
  check(GlobalTopK{});
  check(PerRow{});
}
TEST_CASE_TEMPLATE("steps, forward and backward of rows that are scaled allocate nothing", T, ReferenceFloat,
                   PartsFloat) {
  const auto weight = Draw{1}.normal<float>(45, 70);
  typename PstLayer<T>::template with<RowScaled<>>::template with<FrozenBias> layer{
      {.in = 70, .out = 45}, {}, on_one_thread<typename T::backend>()};
  check_no_allocations_in_steps(layer, weight.view());
}
TEST_CASE_TEMPLATE("steps, forward and backward of a projection allocate nothing", T, ReferenceFloat, PartsFloat) {
  using Backend = typename T::backend;
  const auto weight = Draw{1}.normal<float>(45, 70);
  auto on = on_one_thread<Backend>();
  IntrinsicVector<Backend, float> vector{on, 50, 1};
  SparseLinear<float, Magnitude, Projected<Backend, float>, KeepAll, ConstantSchedule, MaskedGradient, FrozenBias,
               Backend>
      layer{{.in = 70, .out = 45}, {.delta = {&vector, true}}, on};
  check_no_allocations_in_steps(layer, weight.view());
}
TEST_CASE_TEMPLATE("steps, forward and backward of a change behind gates allocate nothing", T, ReferenceFloat,
                   PartsFloat) {
  const auto weight = Draw{1}.normal<float>(45, 70);
  SparseLinear<float, Magnitude, Gated, KeepAll, ConstantSchedule, MaskedGradient, FrozenBias, typename T::backend>
      layer{{.in = 70, .out = 45}, {}, on_one_thread<typename T::backend>()};
  check_no_allocations_in_steps(layer, weight.view());
}
TEST_CASE_TEMPLATE("steps, forward and backward of a sparse change allocate nothing", T, ReferenceFloat, PartsFloat) {
  const auto weight = Draw{1}.normal<float>(45, 70), x = Draw{3}.normal<float>(130, 70),
             grad_y = Draw{4}.normal<float>(130, 45);
  HostMatrix<float> y(130, 45), grad_x(130, 70);
  Draw draw{5};
  const HostMask places = random_mask(45, 70, draw, 0.1);
  ChangedLinear<float, FrozenBias, typename T::backend> layer{
      {.in = 70, .out = 45}, {}, on_one_thread<typename T::backend>()};
  layer.attach(weight.view(), places.view());
  for (const index_t tokens : {130, 3, 1, 64}) {
    const auto step = [&] {
      layer.begin_step();
      layer.forward(x.view().middle_rows(0, tokens), y.view().middle_rows(0, tokens));
      layer.backward(x.view().middle_rows(0, tokens), grad_y.view().middle_rows(0, tokens),
                     grad_x.view().middle_rows(0, tokens));
    };
    CHECK(calls(calls_of_new, step) == 0);
    CHECK(calls(calls_of_malloc, step) == 0);
  }
}
TEST_CASE_TEMPLATE("the product of a sparse matrix allocates nothing", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  using Backend = typename T::backend;
  const auto weight = Draw{1}.normal<Scalar>(45, 70), x = Draw{3}.normal<Scalar>(130, 70);
  const SparseMatrix<Scalar, BFloat16, Backend> matrix{weight.view(), "a name of many letters",
                                                       on_one_thread<Backend>()};
  HostMatrix<Scalar> y(130, 45);
  for (index_t tokens : {130, 9, 3, 1}) {
    const auto product = [&] { matrix.product(x.view().middle_rows(0, tokens), y.view().middle_rows(0, tokens)); };
    CHECK(calls(calls_of_new, product) == 0);
    CHECK(calls(calls_of_malloc, product) == 0);
  }
}

TEST_CASE_TEMPLATE("a branch allocates nothing once its tape has room", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  using Backend = typename T::backend;
  Backend on = on_one_thread<Backend>();
  SharedParameter<Backend, Scalar> rule{"rule", ParameterGroup::delta, 16, 4};
  const auto x = Draw{3}.normal<Scalar>(130, 40), grad_y = Draw{4}.normal<Scalar>(130, 40);
  HostMatrix<Scalar> y(130, 40), grad_x(130, 40);
  const auto check = [&](auto& state, typename std::remove_reference_t<decltype(state)>::Tape&& tape) {
    const auto pass = [&](index_t tokens) {
      state.forward(on, x.view().middle_rows(0, tokens), y.view().middle_rows(0, tokens), tape);
      state.backward(on, x.view().middle_rows(0, tokens), tape, grad_y.view().middle_rows(0, tokens),
                     grad_x.view().middle_rows(0, tokens));
    };
    pass(130);
    for (const index_t tokens : {130, 3, 1, 64}) {
      CHECK(calls(calls_of_new, [&] { pass(tokens); }) == 0);
      CHECK(calls(calls_of_malloc, [&] { pass(tokens); }) == 0);
    }
  };
  Bottleneck::State<Backend, Scalar> dense{{.width = 8}, on, 40, "a", 1};
  check(dense, {});
  typename BottleneckOf<LowRankProjection>::State<Backend, Scalar> low_rank{{.width = 8}, on, 40, "a", 1};
  check(low_rank, {});
  typename BottleneckOf<KroneckerProjection>::State<Backend, Scalar> kronecker{{.width = 8}, on, 40,
                                                                               "a",          1,  rule.parameter()};
  check(kronecker, {});
  Rescale::State<Backend, Scalar> rescale{{}, on, 40, "a", 1};
  check(rescale, {});
}

}  // namespace
}  // namespace pst::test
