// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/pst.hpp>

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>

#include "common/choices.hpp"
#include "options.hpp"

namespace digits {

enum class Method { dense, magnitude, movement, soft_movement, pst, pst_ab, pst_rc };

/// A method by name, with the learning rates that the search of RESULTS.md chose for it.
struct MethodInfo {
  Method method;
  std::string_view name;   ///< on the command line and in file names
  std::string_view title;  ///< in tables and pictures
  double rate;             ///< learning rate
  double score_rate;       ///< times the learning rate: that of the scores
};

inline constexpr std::array method_table{
    MethodInfo{Method::dense, "dense", "full dense", 1e-3, 1.0},
    MethodInfo{Method::magnitude, "magnitude", "magnitude", 3e-3, 1.0},
    MethodInfo{Method::movement, "movement", "movement", 3e-3, 10.0},
    MethodInfo{Method::soft_movement, "soft-movement", "soft movement", 1e-3, 30.0},
    MethodInfo{Method::pst, "pst", "PST", 1e-3, 3.0},
    MethodInfo{Method::pst_ab, "pst-ab", "PST, only AB", 1e-3, 30.0},
    MethodInfo{Method::pst_rc, "pst-rc", "PST, only R + C", 1e-3, 1.0},
};

/// The row of `method_table` with this name; throws pst::Error when there is none.
[[nodiscard]] const MethodInfo& method_named(std::string_view name);

/// Every method is a type: a SparseLinear with some of its policies replaced.
namespace layers {
using Pst = pst::SparseLinear<>::with<pst::TrainedBias>::with<common::ScoreChoice>::with<common::RefreshChoice>;
using PstAb = Pst::with<pst::Sum<pst::Magnitude, pst::LowRankScore<>>>;
using PstRc = Pst::with<pst::Sum<pst::Magnitude, pst::RowColumnScore>>;
using Magnitude = Pst::with<pst::Magnitude>::with<pst::Full>::with<pst::MaskedGradient>;
using Dense = Magnitude::with<pst::ConstantSchedule>;
using Movement = Pst::with<pst::Movement>::with<pst::Full>;
using SoftMovement = Pst::with<pst::SoftMovement>::with<pst::Full>::with<pst::Threshold>;
}  // namespace layers

/// The penalty with which soft movement ends near a sparsity, for the default rates and number of steps: a line through
/// log(1 - sparsity) over log(penalty), fitted to two runs of RESULTS.md.
[[nodiscard]] double penalty_for(double sparsity);

/// Calls `run(type, options)` with the layer type of a method and its options.
template <class Run>
void with_layer(Method method, const Settings& settings, double sparsity, Run&& run) {
  const pst::CubicSchedule cubic{.final_sparsity = sparsity};
  const pst::LowRank<> delta{.scale = settings.factor_scale.value_or(1.0)};
  const auto call = [&]<class Layer>(std::type_identity<Layer> type, typename Layer::Options options) {
    if constexpr (std::same_as<Layer, layers::Pst> || std::same_as<Layer, layers::PstAb>)
      options.importance.template term<pst::LowRankScore<>>().scale = settings.factor_scale.value_or(1.0);
    options.score_gradient = common::score_choice(settings.scores);
    options.refresh = common::refresh_choice(settings.refresh);
    run(type, options);
  };
  switch (method) {
    case Method::dense: return call(std::type_identity<layers::Dense>{}, {.schedule = {.sparsity = 0.0}});
    case Method::magnitude: return call(std::type_identity<layers::Magnitude>{}, {.schedule = cubic});
    case Method::movement: return call(std::type_identity<layers::Movement>{}, {.schedule = cubic});
    case Method::soft_movement:
      return call(std::type_identity<layers::SoftMovement>{},
                  {.importance = {.penalty = settings.penalty.value_or(penalty_for(sparsity))}});
    case Method::pst: return call(std::type_identity<layers::Pst>{}, {.delta = delta, .schedule = cubic});
    case Method::pst_ab: return call(std::type_identity<layers::PstAb>{}, {.delta = delta, .schedule = cubic});
    case Method::pst_rc: return call(std::type_identity<layers::PstRc>{}, {.delta = delta, .schedule = cubic});
  }
}

}  // namespace digits
