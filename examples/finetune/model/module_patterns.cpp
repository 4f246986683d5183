// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/module_patterns.hpp"

#include <pst/any/implementation/nearest.hpp>
#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <regex>
#include <set>

#include "finetune/model/names.hpp"

namespace finetune {

namespace {

constexpr std::size_t longest_pattern = 200;  // std::regex matches by recursion

/// A name that all architectures share, and what it is called in BERT and in GPT-2.
struct CommonName {
  std::string_view name, bert, gpt2;
};
constexpr std::array common_names{CommonName{"attn.q", "attention.self.query", "attn.c_attn_q"},
                                  CommonName{"attn.k", "attention.self.key", "attn.c_attn_k"},
                                  CommonName{"attn.v", "attention.self.value", "attn.c_attn_v"},
                                  CommonName{"attn.proj", "attention.output.dense", "attn.c_proj"},
                                  CommonName{"ff.w1", "intermediate.dense", "mlp.c_fc"},
                                  CommonName{"attn.norm", "attention.output.LayerNorm", "ln_1"},
                                  CommonName{"ff.norm", "output.LayerNorm", "ln_2"},
                                  CommonName{"ff.w2", "output.dense", "mlp.c_proj"}};

/// Where the number of a block begins and ends in a name.
struct BlockPlace {
  index_t number;
  std::size_t end;  ///< behind the dot
};
std::optional<BlockPlace> block_in(std::string_view module) {
  for (std::size_t begin = 0; begin < module.size();) {
    const std::size_t dot = module.find('.', begin);
    if (dot == std::string_view::npos) return std::nullopt;
    index_t number = 0;
    const auto [end, error] = std::from_chars(module.data() + begin, module.data() + dot, number);
    if (error == std::errc{} && end == module.data() + dot) return BlockPlace{number, dot + 1};
    begin = dot + 1;
  }
  return std::nullopt;
}

bool ends_with_name(std::string_view module, std::string_view name) {
  return module.ends_with(name) && (module.size() == name.size() || module[module.size() - name.size() - 1] == '.');
}

/// The first and last of some blocks.
struct Range {
  index_t first, last;
};
Range read_range(std::string_view text, std::string_view pattern, index_t blocks) {
  const auto number = [&](std::string_view digits) {
    index_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    pst::require(error == std::errc{} && end == digits.data() + digits.size() && value >= 0, "pattern \"", pattern,
                 "\" names the blocks \"", text, "\", expected a number, two as 0-3, or last-K for the last K");
    return value;
  };
  const auto in_model = [&](Range range) {
    pst::require(range.first >= 0 && range.first <= range.last && range.last < blocks, "pattern \"", pattern,
                 "\" means blocks ", range.first, " to ", range.last, ", but the model has ", blocks, ", 0 to ",
                 blocks - 1);
    return range;
  };
  constexpr std::string_view last = "last-";
  if (text.starts_with(last)) return in_model({blocks - number(text.substr(last.size())), blocks - 1});
  const std::size_t dash = text.find('-');
  const index_t first = number(text.substr(0, dash));
  return in_model({first, dash == std::string_view::npos ? first : number(text.substr(dash + 1))});
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  if (list.empty()) return parts;
  for (std::size_t comma = list.find(','); comma != std::string_view::npos; comma = list.find(',')) {
    parts.push_back(list.substr(0, comma));
    list.remove_prefix(comma + 1);
  }
  parts.push_back(list);
  return parts;
}

}  // namespace

/// One pattern of a list.
class ModulePatterns::Pattern {
 public:
  Pattern(std::string_view text, index_t blocks) : text_{text} {
    pst::require(!text.empty() && text.size() <= longest_pattern, "a pattern of modules has ", text.size(),
                 " letters, expected 1 to ", longest_pattern);
    constexpr std::string_view expression = "re:";
    if (text.starts_with(expression)) {
      try {
        expression_.emplace(std::string{text.substr(expression.size())}, std::regex::ECMAScript | std::regex::optimize);
      } catch (const std::regex_error& error) {
        pst::fail("pattern \"", text, "\" is no regular expression: ", error.what());
      }
      return;
    }
    const std::size_t at = text.find('@');
    if (at != std::string_view::npos) {
      const Range range = read_range(text.substr(at + 1), text, blocks);
      first_block_ = range.first, last_block_ = range.last;
    }
    name_ = text.substr(0, at);
    const auto common = std::ranges::find(common_names, name_, &CommonName::name);
    if (common == common_names.end()) return;
    names_ = {std::string{common->bert}, std::string{common->gpt2}};
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Whether the pattern is a name, which may mean more than it seems to.
  [[nodiscard]] bool is_name() const noexcept { return !expression_ && !name_.empty() && names_.empty(); }
  [[nodiscard]] bool matches(std::string_view module) const {
    if (expression_) return std::regex_match(module.begin(), module.end(), *expression_);
    const auto block = block_in(module);
    if (first_block_ && (!block || block->number < *first_block_ || block->number > last_block_)) return false;
    if (!names_.empty()) return std::ranges::find(names_, kind_of_module(module)) != names_.end();
    return name_.empty() || ends_with_name(module, name_);
  }

 private:
  std::string text_, name_;
  std::vector<std::string> names_;      ///< of each architecture, without the block
  std::optional<index_t> first_block_;  ///< where it is said which blocks
  index_t last_block_ = 0;
  std::optional<std::regex> expression_;
};

ModulePatterns::ModulePatterns(std::string_view include, std::string_view exclude, index_t blocks) {
  for (const std::string_view text : split(include)) include_.push_back(std::make_shared<Pattern>(text, blocks));
  for (const std::string_view text : split(exclude)) exclude_.push_back(std::make_shared<Pattern>(text, blocks));
}

bool ModulePatterns::matches(std::string_view module) const {
  const auto matched = [&](const auto& pattern) {
    if (pattern->matches(module)) return true;
    for (const Architecture each : {Architecture::bert, Architecture::roberta, Architecture::gpt2}) {
      const std::string_view prefix = prefix_of(each);
      if (pattern->matches(std::string{prefix} + std::string{module})) return true;
      if (module.starts_with(prefix) && pattern->matches(module.substr(prefix.size()))) return true;
    }
    return false;
  };
  return (include_.empty() || std::ranges::any_of(include_, matched)) && std::ranges::none_of(exclude_, matched);
}

std::vector<std::string> ModulePatterns::check(const std::vector<std::string>& modules) const {
  std::vector<std::string> remarks;
  std::set<std::string_view> kinds;
  for (const std::string& module : modules) kinds.insert(kind_of_module(module));
  const std::vector<std::string_view> known{kinds.begin(), kinds.end()};
  for (const auto* const list : {&include_, &exclude_})
    for (const auto& pattern : *list) {
      ModulePatterns alone{{}, {}, 0};
      alone.include_ = {pattern};
      std::set<std::string_view> found;
      for (const std::string& module : modules)
        if (alone.matches(module)) found.insert(kind_of_module(module));
      pst::require(!found.empty(), "pattern \"", pattern->text(),
                   "\" matches no module, expected the name, or the end of one, of one of ", pst::detail::listed(known),
                   pst::detail::did_you_mean(pattern->text(), known));
      if (pattern->is_name() && found.size() > 1)
        remarks.push_back("pattern \"" + pattern->text() + "\" matches modules of " + std::to_string(found.size()) +
                          " kinds: " + pst::detail::listed({found.begin(), found.end()}));
    }
  pst::require(std::ranges::any_of(modules, [&](const std::string& module) { return matches(module); }),
               "no module is left: the patterns that exclude match everything that is included");
  return remarks;
}

std::vector<std::string> module_names(const ModelConfig& config, bool together) {
  const transformer::EncoderNames& names = encoder_names(config.architecture);
  std::vector<std::string_view> in_block;
  if (config.architecture == Architecture::gpt2 && together)
    in_block = {names.together};
  else
    in_block = {names.query, names.key, names.value};
  in_block.insert(in_block.end(), {names.attention_output, names.feed_in, names.feed_out, names.norm1, names.norm2});
  std::vector<std::string> modules;
  for (index_t block = 0; block < config.blocks; ++block)
    for (const std::string_view name : in_block) modules.push_back(names.in_block(block, name));
  modules.emplace_back(config.architecture == Architecture::gpt2 ? names.last_norm : "embeddings.LayerNorm");
  return modules;
}

std::string_view kind_of_module(std::string_view module) {
  const auto block = block_in(module);
  return block ? module.substr(block->end) : module;
}

}  // namespace finetune
