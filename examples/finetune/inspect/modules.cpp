// SPDX-License-Identifier: Apache-2.0
#include "finetune/inspect/modules.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <ostream>
#include <string_view>

#include "finetune/model/names.hpp"

namespace finetune {

namespace {

/// A tensor of the folder.
struct Stored {
  std::vector<index_t> shape;
  index_t numbers = 0, prunable = 0, pruned = 0;
};

/// A module in the order in which the model has it.
Module& module_at(Module& root, std::string_view path) {
  Module* at = &root;
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('.'));
    const auto found = std::ranges::find(at->parts, name, &Module::name);
    at = found != at->parts.end() ? &*found : &at->parts.emplace_back(Module{.name = std::string{name}});
    path.remove_prefix(std::min(path.size(), name.size() + 1));
  }
  return *at;
}

std::string_view module_of(std::string_view tensor) {
  const std::size_t dot = tensor.rfind('.');
  return tensor.substr(0, dot == std::string_view::npos ? 0 : dot);
}

std::string shape_text(const std::vector<index_t>& shape) {
  std::string text;
  for (const index_t side : shape) text.append(text.empty() ? "" : " x ").append(std::to_string(side));
  return text;
}

/// Weights that the layer multiplies with and that are exactly zero.
index_t pruned_in(Layer& layer) {
  const index_t pruned = layer.layer.shape().size() - layer.layer.kept();
  return pruned > 0 ? pruned : (layer.weight.array() == 0.0F).count();
}

void add_tensors(Model& model, Module& root) {
  std::map<std::string, Stored> tensors;
  std::vector<std::string> order;
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer* layer) {
    Stored& tensor = tensors[place.name];
    if (tensor.shape.empty()) order.push_back(place.name);
    const bool has_dense = layer == nullptr || value.size() > 0;  // not where kept weights train
    const index_t rows = has_dense ? value.rows() : layer->layer.shape().out,
                  cols = has_dense ? value.cols() : layer->layer.shape().in;
    tensor.shape = place.shape_in_file(rows, cols);
    tensor.numbers += rows * cols;
    if (layer == nullptr) return;
    tensor.prunable += rows * cols;
    tensor.pruned += pruned_in(*layer);
  });
  for (const std::string& name : order) {
    const Stored& tensor = tensors.at(name);
    Module& module = module_at(root, module_of(name));
    module.shapes.append(module.shapes.empty() ? "" : " + ").append(shape_text(tensor.shape));
    module.numbers += tensor.numbers;
    module.prunable += tensor.prunable;
    module.pruned += tensor.pruned;
    const auto bytes = static_cast<std::size_t>(tensor.numbers) * sizeof(float);
    const auto bits = static_cast<std::size_t>(tensor.numbers + 7) / 8;
    module.bytes += bytes;
    module.compressed +=
        std::min(bytes, static_cast<std::size_t>(tensor.numbers - tensor.pruned) * sizeof(float) + bits);
  }
}

/// The module of a layer's parameter: factors are in no file, and a layer may be one of the parts of a tensor.
std::string module_of_layer(Architecture architecture, std::string_view parameter,
                            const std::vector<std::string>& layers) {
  parameter.remove_prefix(prefix_of(architecture).size());
  const auto layer =
      std::ranges::find_if(layers, [&](const std::string& name) { return parameter.starts_with(name + "."); });
  const std::string name = layer != layers.end() ? *layer : std::string{module_of(parameter)};
  return std::string{module_of(encoder_place(architecture, name + ".weight").name)};
}

void add_trained(Model& model, const std::function<bool(const ModelParameter&)>& trains, Module& root) {
  if (!trains) return;
  std::vector<std::string> layers;
  model.for_each_layer([&](Layer& layer) { layers.push_back(layer.name); });
  for (const ModelParameter& each : model.parameters()) {
    if (!trains(each)) continue;
    const std::string module = each.part == Part::layer
                                   ? module_of_layer(model.config().architecture, each.name, layers)
                                   : std::string{module_of(each.name)};
    module_at(root, module).trains += each.parameter.value.size();
  }
}

void add_up(Module& module) {
  for (Module& part : module.parts) {
    add_up(part);
    module.numbers += part.numbers;
    module.trains += part.trains;
    module.prunable += part.prunable;
    module.pruned += part.pruned;
    module.bytes += part.bytes;
    module.compressed += part.compressed;
  }
}

/// 1234567 as "1 234 567".
std::string spaced(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, " ");
  return text;
}

struct Line {
  std::string tree, shapes, numbers, trains, share, pruned, bytes, compressed;
  std::size_t width = 0;  ///< of `tree` on a terminal
};

/// In per cent; nothing of nothing.
std::string percent(index_t part, index_t whole) {
  std::array<char, 16> text{};
  if (whole > 0)
    std::snprintf(text.data(), text.size(), "%.2f", 100 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

/// `model` is how many numbers the whole model has.
Line line_of(const Module& module, index_t model, std::string tree, std::size_t width) {
  return {.tree = std::move(tree),
          .shapes = module.shapes,
          .numbers = spaced(static_cast<std::size_t>(module.numbers)),
          .trains = module.trains > 0 ? spaced(static_cast<std::size_t>(module.trains)) : "-",
          .share = module.trains > 0 ? percent(module.trains, model) : "",
          .pruned = percent(module.pruned, module.prunable),
          .bytes = spaced(module.bytes),
          .compressed = spaced(module.compressed),
          .width = width};
}

void add_lines(const Module& module, index_t model, const std::string& indent, std::size_t level, int depth,
               std::vector<Line>& lines) {
  if (depth > 0 && static_cast<int>(level) >= depth) return;
  for (const Module& part : module.parts) {
    const bool is_last = &part == &module.parts.back();
    const std::size_t width = 3 * (level + 1) + part.name.size();
    lines.push_back(line_of(part, model, indent + (is_last ? "└─ " : "├─ ") + part.name, width));
    add_lines(part, model, indent + (is_last ? "   " : "│  "), level + 1, depth, lines);
  }
}

}  // namespace

Module modules_of(Model& model, const std::function<bool(const ModelParameter&)>& trains) {
  Module root{.name = "model"};
  add_tensors(model, root);
  add_trained(model, trains, root);
  add_up(root);
  return root;
}

void print_modules(std::ostream& out, const Module& root, int depth, bool in_colour) {
  std::vector<Line> lines{{.tree = "module",
                           .shapes = "shapes",
                           .numbers = "numbers",
                           .trains = "trains",
                           .share = "% of model",
                           .pruned = "zero %",
                           .bytes = "bytes",
                           .compressed = "sparse",
                           .width = 6}};
  lines.push_back(line_of(root, root.numbers, root.name, root.name.size()));
  add_lines(root, root.numbers, "", 0, depth, lines);
  constexpr std::array columns{&Line::numbers, &Line::trains, &Line::share,
                               &Line::pruned,  &Line::bytes,  &Line::compressed};
  constexpr const char *green = "\x1b[32m", *plain = "\x1b[0m";
  std::size_t tree = 0, shapes = 0;
  std::array<std::size_t, columns.size()> widths{};
  for (const Line& line : lines) {
    tree = std::max(tree, line.width);
    shapes = std::max(shapes, line.shapes.size());
    for (std::size_t c = 0; c < columns.size(); ++c) widths[c] = std::max(widths[c], (line.*columns[c]).size());
  }
  for (const Line& line : lines) {
    const bool is_shown = in_colour && &line != &lines.front() && !line.share.empty();
    out << (is_shown ? green : "") << line.tree << std::string(tree - line.width + 2, ' ') << line.shapes
        << std::string(shapes - line.shapes.size(), ' ');
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::string& text = line.*columns[c];
      out << std::string(widths[c] - text.size() + 2, ' ') << text;
    }
    out << (is_shown ? plain : "") << '\n';
  }
}

}  // namespace finetune
