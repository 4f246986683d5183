// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/with_policy.hpp"

#include <doctest/doctest.h>

#include <concepts>

#include "pst/pst.hpp"

namespace pst::test {
namespace {

using std::same_as;
using Default = SparseLinear<float, Sum<Magnitude, LowRankScore<Rank<8>>, RowColumnScore>, LowRank<Rank<8>>, TopK,
                             CubicSchedule, ReferenceGradient, FrozenBias, EigenCpu, ScoreEveryStep, RefreshEveryStep>;
static_assert(same_as<SparseLinear<>, Default>);

// every axis alone
static_assert(same_as<Default::with<double>::scalar, double>);
static_assert(same_as<Default::with<double>, SparseLinear<double>>);
static_assert(same_as<Default::with<Movement>, SparseLinear<float, Movement>>);
static_assert(same_as<Default::with<Full>, SparseLinear<float, Pst, Full>>);
static_assert(same_as<Default::with<PerRow>, SparseLinear<float, Pst, LowRank<>, PerRow>>);
static_assert(same_as<Default::with<LinearSchedule>, SparseLinear<float, Pst, LowRank<>, TopK, LinearSchedule>>);
static_assert(
    same_as<Default::with<DenseGradient>, SparseLinear<float, Pst, LowRank<>, TopK, CubicSchedule, DenseGradient>>);
static_assert(same_as<Default::with<TrainedBias>,
                      SparseLinear<float, Pst, LowRank<>, TopK, CubicSchedule, ReferenceGradient, TrainedBias>>);
static_assert(same_as<Default::with<Reference>::backend, Reference>);
static_assert(
    same_as<Default::with<ScoreTokenSample>, SparseLinear<float, Pst, LowRank<>, TopK, CubicSchedule, ReferenceGradient,
                                                          FrozenBias, EigenCpu, ScoreTokenSample>>);
static_assert(
    same_as<Default::with<RefreshUntil>, SparseLinear<float, Pst, LowRank<>, TopK, CubicSchedule, ReferenceGradient,
                                                      FrozenBias, EigenCpu, ScoreEveryStep, RefreshUntil>>);

// a rank replaces the rank of the scores and of the delta, through a sum
static_assert(same_as<Default::with<Rank<4>>,
                      SparseLinear<float, Sum<Magnitude, LowRankScore<Rank<4>>, RowColumnScore>, LowRank<Rank<4>>>>);
static_assert(same_as<Default::with<EnergyRank>::with<Full>,
                      SparseLinear<float, Sum<Magnitude, LowRankScore<EnergyRank>, RowColumnScore>, Full>>);
static_assert(
    same_as<Default::with<Magnitude>::with<DynamicRank>, SparseLinear<float, Magnitude, LowRank<DynamicRank>>>);
static_assert(same_as<Default::with<RowScaled<>>::with<Rank<4>>::with<PerWeightStart>::with<Magnitude>,
                      SparseLinear<float, Magnitude, RowScaled<LowRank<Rank<4>, PerWeightStart>>>>);

// in any order, and the last one wins
static_assert(same_as<Default::with<Movement>::with<Frozen>::with<double>::with<Reference>,
                      Default::with<Reference>::with<double>::with<Frozen>::with<Movement>>);
static_assert(same_as<Default::with<Movement>::with<Pst>, Default>);
static_assert(same_as<Default::with<Rank<4>>::with<Rank<8>>, Default>);
static_assert(same_as<Default::with<RefreshEveryKthStep>::with<ScoreRestAfter>::with<Reference>,
                      Default::with<Reference>::with<ScoreRestAfter>::with<RefreshEveryKthStep>>);
static_assert(same_as<Default::with<ScoreRestAfter>::with<ScoreEveryStep>, Default>);
static_assert(same_as<Default::with<RefreshUntil>::with<RefreshEveryStep>, Default>);

// what is no policy of a layer is refused
template <class P>
concept FitsIn = requires {
  typename Default::with<P>;
};
static_assert(FitsIn<Block<4, 4>> && FitsIn<NofM<>> && FitsIn<SoftMovement>);
static_assert(!FitsIn<int> && !FitsIn<Shape> && !FitsIn<AdamW<float>>);

TEST_CASE("a layer is made of the policies it names") {
  Default::with<NofM<2, 4>>::with<ConstantSchedule>::with<Reference> layer{{.in = 8, .out = 1},
                                                                           {.schedule = {.sparsity = 0.5}}};
  const float weight[] = {1, 2, 3, 4, 8, 7, 6, 5};
  layer.attach({weight, 1, 8});
  layer.begin_step(0, 1);
  CHECK(*layer.mask().words == 0b00111100);
}

}  // namespace
}  // namespace pst::test
