// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/branch_text.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace finetune {

namespace {

constexpr std::array activations{"relu", "gelu", "gelu_tanh", "silu"};
constexpr std::array rule_names{"shared", "own"};
constexpr index_t most_width = 1 << 16, most_parts = 1 << 8;

template <class List>
std::size_t place_in(const List& names, const nlohmann::json& value, const std::string& what) {
  const auto found = std::ranges::find_if(names, [&](const char* name) { return value == name; });
  std::string expected;
  for (const char* name : names) expected.append(expected.empty() ? "" : ", ").append(name);
  pst::require(found != names.end(), what, " has ", pst::io::printable(value.dump()), ", expected one of ", expected);
  return static_cast<std::size_t>(found - names.begin());
}

/// A whole number of at least 1.
index_t read_count(const nlohmann::json& json, const char* name, index_t most, const std::string& what) {
  const auto found = json.find(name);
  pst::require(found != json.end() && found->is_number_unsigned() && *found >= 1 && *found <= most, what,
               " has a bottleneck without a ", name, " of 1 to ", most);
  return found->get<index_t>();
}

template <class Projection>
transformer::Branch<float>::Policy read_bottleneck(const nlohmann::json& json, const std::string& what,
                                                   const Projection& projection) {
  const auto scale = json.find("scale"), activation = json.find("activation");
  const index_t width = read_count(json, "width", most_width, what);
  pst::require(
      scale != json.end() && scale->is_number() && std::isfinite(scale->get<double>()) && activation != json.end(),
      what, " has a bottleneck without a finite scale and an activation");
  return pst::BottleneckOf<Projection>{
      .width = width,
      .scale = scale->get<double>(),
      .activation = static_cast<pst::Activation>(place_in(activations, *activation, what)),
      .projection = projection};
}

transformer::Branch<float>::Policy read_policy(const nlohmann::json& json, const std::string& what) {
  if (place_in(std::array{"bottleneck", "rescale"}, json["kind"], what) == 1) return pst::Rescale{};
  if (!json.contains("projection")) return read_bottleneck(json, what, pst::DenseProjection{});
  const index_t rank = read_count(json, "rank", most_width, what);
  if (place_in(std::array{"low-rank", "kronecker"}, json["projection"], what) == 0)
    return read_bottleneck(json, what, pst::LowRankProjection{.rank = rank});
  const index_t parts = read_count(json, "parts", most_parts, what);
  pst::require(json.contains("rule"), what, " has Kronecker products without a rule");
  return read_bottleneck(
      json, what,
      pst::KroneckerProjection{
          .parts = parts, .rank = rank, .shares_rule = place_in(rule_names, json["rule"], what) == 0});
}

void write_policy(nlohmann::ordered_json& json, const pst::Rescale&) { json["kind"] = "rescale"; }
template <class Projection>
void write_policy(nlohmann::ordered_json& json, const pst::BottleneckOf<Projection>& bottleneck) {
  json["kind"] = "bottleneck";
  json["width"] = bottleneck.width;
  json["scale"] = bottleneck.scale;
  json["activation"] = activations.at(static_cast<std::size_t>(bottleneck.activation));
  if constexpr (std::is_same_v<Projection, pst::LowRankProjection>) {
    json["projection"] = "low-rank";
    json["rank"] = bottleneck.projection.rank;
  } else if constexpr (std::is_same_v<Projection, pst::KroneckerProjection>) {
    json["projection"] = "kronecker";
    json["rank"] = bottleneck.projection.rank;
    json["parts"] = bottleneck.projection.parts;
    json["rule"] = rule_names.at(bottleneck.projection.shares_rule ? 0 : 1);
  }
}

}  // namespace

std::string branches_text(std::span<const PlacedBranch> branches) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PlacedBranch& each : branches) {
    nlohmann::ordered_json json{{"place", transformer::name_of(each.place)}};
    std::visit([&](const auto& policy) { write_policy(json, policy); }, each.policy);
    list.push_back(std::move(json));
  }
  return list.dump();
}

std::vector<PlacedBranch> read_branches(std::string_view text, const std::string& what) {
  const nlohmann::json list = pst::io::strict_json(text, what, 3);
  pst::require(list.is_array() && list.size() <= transformer::branch_place_names.size(), what,
               " is no list of as many branches as there are places");
  std::vector<PlacedBranch> branches;
  for (const nlohmann::json& json : list) {
    pst::require(json.is_object() && json.contains("place") && json.contains("kind"), what,
                 " holds something without a place and a kind");
    PlacedBranch branch;
    branch.place =
        static_cast<transformer::BranchPlace>(place_in(transformer::branch_place_names, json["place"], what));
    branch.policy = read_policy(json, what);
    pst::require(std::ranges::find(branches, branch.place, &PlacedBranch::place) == branches.end(), what,
                 " has two branches in one place");
    branches.push_back(branch);
  }
  return branches;
}

std::string tokens_text(const PlacedTokens& tokens) {
  return nlohmann::ordered_json{{"place", tokens.name()},
                                {"count", tokens.count},
                                {"positions", real_position_names.at(static_cast<std::size_t>(tokens.positions))},
                                {"pooled", pooled_row_names.at(static_cast<std::size_t>(tokens.pooled))}}
      .dump();
}

PlacedTokens read_tokens(std::string_view text, const std::string& what) {
  const nlohmann::json json = pst::io::strict_json(text, what, 2);
  pst::require(json.is_object() && json.size() == 4 && json.contains("place") && json.contains("count") &&
                   json.contains("positions") && json.contains("pooled"),
               what, " is no object of a place, a count, positions and what is pooled");
  pst::require(json["count"].is_number_unsigned() && json["count"] >= 1 && json["count"] <= most_width, what,
               " has the count ", pst::io::printable(json["count"].dump()), ", expected 1 to ", most_width);
  return {.place = static_cast<TokenPlace>(place_in(token_place_names, json["place"], what)),
          .count = json["count"].get<index_t>(),
          .positions = static_cast<RealPositions>(place_in(real_position_names, json["positions"], what)),
          .pooled = static_cast<PooledRow>(place_in(pooled_row_names, json["pooled"], what))};
}

}  // namespace finetune
