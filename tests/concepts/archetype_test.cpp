// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <type_traits>

#include "pst/pst.hpp"

namespace pst::test {

/// A backend of which nothing exists but what the concept asks for: its verbs are declared and never defined, and its
/// memory cannot be addressed by the host.
struct Archetype {
  using role = roles::backend;
  using space = DeviceSpace;
  template <class T>
  class buffer {
   public:
    buffer();
    explicit buffer(std::size_t count);
    buffer(const buffer&);
    buffer(buffer&&) noexcept;
    buffer& operator=(const buffer&);
    buffer& operator=(buffer&&) noexcept;
    ~buffer();
    T* data();
    const T* data() const;
    std::size_t size() const;
  };
  template <class Scalar>
  struct workspace {
    workspace(Archetype&, const LayerLayout&);
    MatrixView<Scalar, DeviceSpace> numbers(TileUse, Tile);
    MaskView<mask_word, DeviceSpace> mask(Tile);
    std::size_t bytes() const;
  };
  template <class T>
  using View = MatrixView<T, DeviceSpace>;
  template <class T>
  using Const = MatrixView<const std::type_identity_t<T>, DeviceSpace>;
  using Mask = MaskView<mask_word, DeviceSpace>;
  using ConstMask = MaskView<const mask_word, DeviceSpace>;

  NothingShared use() const;
  index_t slots() const;
  WorkPlan plan(Shape, index_t) const;
  template <class F>
  void for_each_part(index_t, F&& f) {
    f(index_t{0}, index_t{0});  // so that what layers do in a part is compiled
  }

  template <class T>
  void fill(View<T>, std::type_identity_t<T>);
  template <class T, class F>
  void generate(View<T>, F);
  template <class T, class F, class... In>
  void map(View<T>, F, In...);
  template <class T>
  void copy_in(MatrixView<const std::type_identity_t<T>>, View<T>);
  template <class T>
  void copy_out(Const<T>, MatrixView<T>);
  template <class T>
  void row_sums(double, Const<T>, View<T>);
  template <class T>
  void column_sums(double, Const<T>, View<T>);
  template <class T>
  void column_squares(double, Const<T>, View<T>);
  template <class T>
  void add_outer_sum(double, Const<T>, Const<T>, View<T>);
  template <class T>
  void add_slices(Const<T>, View<T>);
  template <class T>
  void hadamard(View<T>);
  template <class T, class... Terms>
  void sum_terms(View<T>, const Terms&...);
  template <class T>
  bool all_finite(View<T>);
  template <class T>
  double squared_norm(View<T>);
  template <class T>
  void gemm(double, Const<T>, Const<T>, View<T>);
  template <class T>
  void gemm_nt(double, Const<T>, Const<T>, View<T>);
  template <class T>
  void gemm_tn(double, Const<T>, Const<T>, View<T>);
  template <class T>
  void histogram(View<T>, RadixDigit<OrderKey<std::remove_const_t<T>>>, View<std::int64_t>);
  template <class T>
  void collect(View<T>, KeyRange<OrderKey<std::remove_const_t<T>>>, View<std::remove_const_t<T>>, View<std::int64_t>);
  template <class T>
  index_t prune_lowest(View<T>, OrderKey<std::remove_const_t<T>>, index_t, Mask);
  template <class T>
  void prune_lowest_per_row(View<T>, index_t, Mask);
  template <class F>
  void fill_mask(Mask, F);
  MaskChange replace_mask(ConstMask, Mask);
  template <class T>
  using Compressed = CompressedView<T, DeviceSpace>;
  template <class T>
  index_t count_kept(ConstMask, Compressed<T>);
  template <class T>
  void compress(Const<T>, ConstMask, Tile, Compressed<T>);
  template <class T>
  void transpose_compressed(Compressed<T>, Compressed<T>);
  template <class T>
  void compressed_product(Compressed<T>, Const<T>, Const<T>, View<std::type_identity_t<T>>, workspace<T>&);
  template <class T, class Value, class Column>
  void compressed_product(CompressedView<Value, DeviceSpace, Column>, Const<T>, Const<T>, View<T>);
  template <class T>
  void sampled_product(Compressed<T>, Const<T>, Const<T>, std::type_identity_t<T>*, workspace<T>&);
  template <class T>
  void expand(Compressed<T>, Tile, View<T>);
};
static_assert(BackendFor<Archetype, float> && BackendFor<Archetype, double>);

template <class... Layers>
struct TypeList {};

/// Compiles every member of a layer. Never called: the archetype's verbs have no bodies to link.
template <class Layer>
inline void use_everything(Layer& layer, ViewOn<Archetype, typename Layer::scalar> view) {
  layer.attach(view, view);
  (void)layer.layout();
  layer.bind(view, view);
  layer.zero_gradients();
  layer.refresh(0.5);
  layer.begin_step(1, 2);
  layer.forward(view, view);
  layer.backward(view, view, view);
  layer.backward(view, view, view, Gradients::overwrite);
  (void)layer.generation();
  layer.set_mask(layer.mask());
  (void)layer.clone();
  layer.for_each_parameter([](const auto&) {});
  (void)layer.report();
  layer.export_masked(view);
  (void)layer.export_csr();
  (void)layer.export_bitmask();
  layer.restore(layer.save());
  layer.restore_bytes(layer.save_bytes());
}
template <class Layer>
inline void use_everything_together(Layer& layer, ViewOn<Archetype, typename Layer::scalar> view) {
  use_everything(layer, view);
  Layer* const list[] = {&layer};
  begin_step_together(std::span<Layer* const>{list}, 1, 2);
  refresh_together(std::span<Layer* const>{list}, 0.5);
}

using OnArchetype = SparseLinear<>::with<Archetype>;

/// Every policy of every axis, with its bodies. The compiler is what tests here.
[[maybe_unused]] inline void compile_every_policy(ViewOn<Archetype, float> view, ViewOn<Archetype, double> wide) {
  const auto use = [&]<class Layer>(TypeList<Layer>) {
    Layer layer{{.in = 8, .out = 8}};
    if constexpr (std::is_same_v<typename Layer::scalar, float>)
      use_everything(layer, view);
    else
      use_everything(layer, wide);
  };
  use(TypeList<OnArchetype>{});
  use(TypeList<OnArchetype::with<double>>{});
  use(TypeList<OnArchetype::with<Magnitude>::with<Frozen>>{});
  use(TypeList<OnArchetype::with<Movement>::with<Full>>{});
  use(TypeList<OnArchetype::with<RowScaled<>>>{});
  use(TypeList<OnArchetype::with<Gated>>{});
  use(TypeList<OnArchetype::with<SoftMovement>::with<Threshold>>{});
  use(TypeList<OnArchetype::with<DynamicRank>::with<PerRow>>{});
  use(TypeList<OnArchetype::with<KeepAll>::with<MaskedGradient>>{});
  use(TypeList<OnArchetype::with<KeepNonZeros>::with<MaskedGradient>>{});
  use(TypeList<OnArchetype::with<EnergyRank>::with<NofM<2, 4>>>{});
  use(TypeList<OnArchetype::with<Block<4, 4>>::with<MaskedGradient>>{});
  use(TypeList<OnArchetype::with<Rows>::with<DenseGradient>>{});
  use(TypeList<OnArchetype::with<Columns>::with<TrainedBias>>{});
  use(TypeList<OnArchetype::with<ConstantSchedule>>{});
  use(TypeList<OnArchetype::with<LinearSchedule>>{});
  use(TypeList<OnArchetype::with<ScoreEveryKthStep>::with<RefreshEveryKthStep>>{});
  use(TypeList<OnArchetype::with<ScoreTokenSample>::with<RefreshUntil>>{});
  use(TypeList<OnArchetype::with<ScoreRestAfter>::with<DenseGradient>>{});
  use(TypeList<OnArchetype::with<Projected<Archetype, float>>>{});
  OnArchetype::with<GlobalTopK> global{{.in = 8, .out = 8}};
  use_everything_together(global, view);
}

TEST_CASE("every policy compiles on a backend that has nothing but the verbs") { CHECK(BackendFor<Archetype, float>); }

}  // namespace pst::test
