// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/branch_text.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

namespace finetune {

namespace {

constexpr std::array activations{"relu", "gelu", "gelu_tanh", "silu"};
constexpr index_t most_width = 1 << 16;

template <class List>
std::size_t place_in(const List& names, const nlohmann::json& value, const std::string& what) {
  const auto found = std::ranges::find_if(names, [&](const char* name) { return value == name; });
  std::string expected;
  for (const char* name : names) expected.append(expected.empty() ? "" : ", ").append(name);
  pst::require(found != names.end(), what, " has ", pst::io::printable(value.dump()), ", expected one of ", expected);
  return static_cast<std::size_t>(found - names.begin());
}

pst::Bottleneck read_bottleneck(const nlohmann::json& json, const std::string& what) {
  const auto width = json.find("width"), scale = json.find("scale"), activation = json.find("activation");
  pst::require(width != json.end() && width->is_number_unsigned() && *width >= 1 && *width <= most_width &&
                   scale != json.end() && scale->is_number() && std::isfinite(scale->get<double>()) &&
                   activation != json.end(),
               what, " has a bottleneck without a width of 1 to ", most_width, ", a finite scale and an activation");
  return {.width = width->get<index_t>(),
          .scale = scale->get<double>(),
          .activation = static_cast<pst::Activation>(place_in(activations, *activation, what))};
}

}  // namespace

std::string branches_text(std::span<const PlacedBranch> branches) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PlacedBranch& each : branches) {
    nlohmann::ordered_json json{{"place", transformer::name_of(each.place)}};
    if (const auto* const bottleneck = std::get_if<pst::Bottleneck>(&each.policy)) {
      json["kind"] = "bottleneck";
      json["width"] = bottleneck->width;
      json["scale"] = bottleneck->scale;
      json["activation"] = activations.at(static_cast<std::size_t>(bottleneck->activation));
    } else {
      json["kind"] = "rescale";
    }
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
    if (place_in(std::array{"bottleneck", "rescale"}, json["kind"], what) == 0)
      branch.policy = read_bottleneck(json, what);
    else
      branch.policy = pst::Rescale{};
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
