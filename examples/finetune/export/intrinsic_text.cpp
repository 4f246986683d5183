// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/intrinsic_text.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "finetune/model/names.hpp"

namespace finetune {

IntrinsicPart intrinsic_part(Model& model) {
  IntrinsicPart part;
  model.for_each_layer([&](Layer& layer) {
    if (!layer.shared) return;
    part.dimension = layer.shared->dimension();
    part.keeps_zeros = part.keeps_zeros || layer.layer.kept() < layer.layer.shape().size();
    part.layers.push_back(layer.name);
  });
  return part;
}

std::string intrinsic_text(const IntrinsicPart& part) {
  const nlohmann::ordered_json json{{"size", part.dimension.size},
                                    {"scaled", part.dimension.scaled},
                                    {"seed", part.dimension.seed},
                                    {"keeps_zeros", part.keeps_zeros},
                                    {"layers", part.layers}};
  return json.dump();
}

IntrinsicPart read_intrinsic(const std::string& text, const std::string& what) {
  const nlohmann::json json = pst::io::strict_json(text, what, 2);
  pst::require(json.is_object() && json.size() == 5, what, " is no object of 5 fields");
  const auto at = [&](const char* name, auto is_right, const char* expected) -> const nlohmann::json& {
    const auto found = json.find(name);
    pst::require(found != json.end() && is_right(*found), what, ": ", name, " is ",
                 found == json.end() ? "missing" : pst::io::printable(found->dump()), ", expected ", expected);
    return *found;
  };
  const auto is_flag = [](const nlohmann::json& value) { return value.is_boolean(); };
  const auto is_whole = [](const nlohmann::json& value) { return value.is_number_unsigned(); };
  const auto is_size = [](const nlohmann::json& value) {
    return value.is_number_unsigned() && value >= 1 && value <= (1 << 20);
  };
  const auto is_list = [](const nlohmann::json& value) {
    return value.is_array() && std::ranges::all_of(value, [](const auto& each) { return each.is_string(); });
  };
  IntrinsicPart part;
  part.dimension.size = at("size", is_size, "a whole number of 1 to 1048576").get<index_t>();
  part.dimension.scaled = at("scaled", is_flag, "true or false").get<bool>();
  part.dimension.seed = at("seed", is_whole, "a whole number of at least 0").get<std::uint64_t>();
  part.keeps_zeros = at("keeps_zeros", is_flag, "true or false").get<bool>();
  part.layers = at("layers", is_list, "a list of names").get<std::vector<std::string>>();
  return part;
}

std::string name_of_vector(const ModelConfig& config) {
  return std::string{prefix_of(config.architecture)} + "intrinsic.z";
}

}  // namespace finetune
