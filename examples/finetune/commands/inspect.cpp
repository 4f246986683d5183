// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include <pst/core/error.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "common/draw_masks.hpp"
#include "common/files.hpp"
#include "finetune/commands/command.hpp"
#include "finetune/commands/model_source.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/inspect/modules.hpp"
#include "finetune/train/parameters.hpp"

namespace finetune {

namespace {

namespace fs = std::filesystem;

struct InspectOptions {
  ModelSource source;
  int depth = 0;
  std::string mask;
  fs::path out;
  bool overwrite = false;
};

/// The layer of this name, or of a name that ends so.
Layer& find_layer(Model& model, const std::string& name) {
  Layer* found = nullptr;
  std::string like, all;
  const std::string prefix{prefix_of(model.config().architecture)};
  model.for_each_layer([&](Layer& layer) {
    const std::string whole = prefix + layer.name;
    all.append(all.empty() ? "" : ", ").append(layer.name);
    if (whole != name && !whole.ends_with("." + name)) return;
    found = &layer;
    like.append(like.empty() ? "" : ", ").append(layer.name);
  });
  pst::require(found != nullptr, "no layer is called ", name, ", expected one of ", all);
  pst::require(like == found->name, "several layers are called ", name, ": ", like);
  return *found;
}

void draw(Model& model, const InspectOptions& options) {
  Layer& layer = find_layer(model, options.mask);
  Matrix weight;
  layer.export_weight(weight);
  const std::string shape = std::to_string(weight.rows()) + " x " + std::to_string(weight.cols());
  const pst::Tensor tensor = pst::Tensor::from<float>(layer.name, {weight.rows(), weight.cols()},
                                                      {weight.data(), static_cast<std::size_t>(weight.size())});
  common::write_file(options.out, common::draw_masks(layer.name, {{shape, tensor}}));
  std::cerr << options.out.string() << ": the mask of " << layer.name << '\n';
}

/// Before the model is read, which takes a while.
void check_drawing(const fs::path& out, bool overwrite) {
  const std::string extension = out.extension().string();
  pst::require(extension.empty() || CLI::detail::to_lower(extension) == ".svg", out.string(), ": ends in ", extension,
               ", but drawings are SVG: give --out a name that ends in .svg");
  check_output_file(out, "--out", overwrite);
}

int inspect(const InspectOptions& options) {
  if (!options.out.empty()) check_drawing(options.out, options.overwrite);
  OpenedModel opened = open_model(options.source, false);
  if (!options.source.archive.empty()) opened.model = densified(*opened.model);
  for (const std::string& name : opened.made_new)
    std::cerr << "warning: the folder has no tensor " << name << ", its numbers are random\n";
  if (!options.mask.empty()) {
    draw(*opened.model, options);
    return 0;
  }
  std::function<bool(const ModelParameter&)> trains;
  if (opened.settings) trains = trained_parameters(*opened.settings, opened.model->config());
  print_modules(std::cout, modules_of(*opened.model, trains), options.depth,
                ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr);
  return 0;
}

}  // namespace

Run add_inspect(CLI::App& program) {
  CLI::App* const command = program.add_subcommand(
      "inspect", "Show the modules of a model: their shapes, what trains, how sparse they are; or draw a mask.");
  command->option_defaults()->always_capture_default();
  const auto options = std::make_shared<InspectOptions>();
  add_model_options(*command, options->source);
  command->add_option("--depth", options->depth, "levels of modules to show; 0: all")->check(at_least_zero);
  CLI::Option* const mask =
      command->add_option("--mask", options->mask,
                          "draw the mask of this layer instead; the end of its name will do: 0.attention.self.query");
  CLI::Option* const out = command->add_option("--out", options->out, "file of the drawing, .svg");
  mask->needs(out);
  out->needs(mask);
  command->add_flag("--overwrite", options->overwrite, "write --out though it exists");
  return [options] { return inspect(*options); };
}

}  // namespace finetune
