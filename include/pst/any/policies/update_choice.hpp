// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <variant>

#include "pst/any/policies/rank_choice.hpp"
#include "pst/any/policies/start_choice.hpp"
#include "pst/concepts/delta.hpp"
#include "pst/delta/low_rank.hpp"
#include "pst/delta/row_scaled.hpp"

namespace pst::PST_ABI {

/// LowRank, or RowScaled of it (DoRA), chosen at run time: two updates for one layer type.
/// @ingroup delta
struct UpdateChoice {
  using role = roles::delta;
  static constexpr bool in_place = false;
  static constexpr bool learns = true;
  using Product = LowRank<RankChoice, StartChoice>;
  Product product{};
  bool scales_rows = false;  ///< RowScaled

  template <class B, class Scalar>
  class State {
    using Plain = Product::State<B, Scalar>;
    using Scaled = RowScaled<Product>::State<B, Scalar>;
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;

   public:
    State(const UpdateChoice& choice, B& on, const LayerLayout& layout, ConstView weight)
        : state_{choice.scales_rows
                     ? States{std::in_place_type<Scaled>, RowScaled<Product>{choice.product}, on, layout, weight}
                     : States{std::in_place_type<Plain>, choice.product, on, layout, weight}} {}

    void start(B& on, ConstView weight) {
      each([&](auto& state) { state.start(on, weight); });
    }
    void begin_refresh(B& on) {
      each([&](auto& state) { state.begin_refresh(on); });
    }
    void end_refresh(B& on, bool accepted) {
      each([&](auto& state) { state.end_refresh(on, accepted); });
    }
    void take_refreshed(B& on, const State& other) {
      each([&]<class Chosen>(Chosen& state) { state.take_refreshed(on, std::get<Chosen>(other.state_)); });
    }
    [[nodiscard]] ConstView effective(B& on, Tile tile, ConstView base, MutableView scratch) const {
      return std::visit([&](const auto& state) { return state.effective(on, tile, base, scratch); }, state_);
    }
    [[nodiscard]] bool reads_weight() const noexcept { return std::holds_alternative<Scaled>(state_); }
    void measure(B& on, Tile tile, ConstView base, MutableView scratch) {
      std::get<Scaled>(state_).measure(on, tile, base, scratch);
    }
    void backward(B& on, Tile tile, ConstView base, MutableView scratch, MutableView grad_weight) {
      std::get<Scaled>(state_).backward(on, tile, base, scratch, grad_weight);
    }
    void backward(B& on, Tile tile, ConstView grad_weight) { std::get<Plain>(state_).backward(on, tile, grad_weight); }
    void finish_backward(B& on) {
      each([&](auto& state) { state.finish_backward(on); });
    }
    void for_each_parameter(auto&& visit) {
      each([&](auto& state) { state.for_each_parameter(visit); });
    }
    [[nodiscard]] std::size_t persistent_bytes() const {
      return std::visit([](const auto& state) { return state.persistent_bytes(); }, state_);
    }

    // ---- of LowRank alone: the layer asks for them where the update does not read the weight
    [[nodiscard]] ConstView left() const { return std::get<Plain>(state_).left(); }
    [[nodiscard]] ConstView right() const { return std::get<Plain>(state_).right(); }
    [[nodiscard]] LowRankProduct<B, Scalar>& product() { return std::get<Plain>(state_).product(); }

   private:
    using States = std::variant<Plain, Scaled>;

    void each(auto&& f) { std::visit(f, state_); }

    States state_;
  };
};

}  // namespace pst::PST_ABI
