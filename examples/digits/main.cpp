// SPDX-License-Identifier: Apache-2.0
// Sparse fine-tuning of a small pretrained transformer on handwritten digits. README.md says what comes out.
#include <pst/io/tensor_file.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "archive.hpp"
#include "common/draw_masks.hpp"
#include "common/files.hpp"
#include "files.hpp"
#include "jobs.hpp"
#include "pictures.hpp"
#include "report.hpp"

namespace digits {

namespace {

namespace fs = std::filesystem;

/// One run for every method, sparsity and seed; the dense method has no sparsity to choose.
std::vector<RunSpec> planned_runs(const Options& options, double sparsity) {
  std::vector<RunSpec> runs;
  for (int seed = options.seed; seed < options.seed + options.seeds; ++seed)
    for (const std::string& name : options.methods) {
      const MethodInfo& info = method_named(name);
      runs.push_back({info, info.name == "dense" ? 0.0 : sparsity, seed});
    }
  return runs;
}

/// The masks and weights that a run has saved.
pst::TensorList load_model(const fs::path& out, const std::string& run) {
  try {
    return expanded(pst::io::load_tensors(out / "models" / (run + ".safetensors")));
  } catch (const pst::Error& error) {
    pst::fail(error.what(), ": remove ", (out / "runs" / (run + ".json")).string(),
              ", and the same command trains it again");
  }
}

/// Draws what `--layer` looks like in the first seed's models, and the curves of all runs.
void draw(const Options& options, double sparsity, const std::vector<RunSpec>& specs,
          const std::vector<RunResult>& results) {
  std::vector<common::MaskPanel> panels;
  for (const RunSpec& spec : specs) {
    if (!spec.method.draws_mask || spec.seed != options.seed) continue;
    const auto tensors = load_model(options.out, spec.name());
    panels.push_back({std::string{spec.method.title}, pst::find(tensors, options.layer + ".weight")});
  }
  std::ostringstream ending;
  ending << "-s" << sparsity << ".svg";
  const fs::path folder = options.out / "pictures";
  if (!panels.empty()) common::write_file(folder / ("masks" + ending.str()), common::draw_masks(options.layer, panels));
  common::write_file(folder / ("curves" + ending.str()), draw_curves(sparsity, specs, results));
}

/// Makes the checkpoint of --pretrained that of the output folder.
void take_checkpoint(const fs::path& from, const fs::path& checkpoint) {
  static_cast<void>(pst::io::load_tensors(from));
  const std::string bytes = common::read_file(from);
  if (!fs::exists(checkpoint)) return common::write_file(checkpoint, bytes);
  pst::require(common::read_file(checkpoint) == bytes, checkpoint.string(), ": is another checkpoint than ",
               from.string(), ": give a new folder with --out");
}

}  // namespace

/// Everything the program does; what is already in the output folder is not done again.
static void make_results(const Options& options) {
  const Images images = load_images(options.data);
  const Split parts = split(images, options.settings);
  open_results(options.out, options.settings.to_json());

  const fs::path checkpoint = options.out / "pretrained.safetensors";
  if (!options.pretrained.empty())
    take_checkpoint(options.pretrained, checkpoint);
  else if (!fs::exists(checkpoint))
    run_jobs("pretraining",
             {{"pretraining", options.settings.pretrain_steps,
               [&](const Report& report) { pretrain(options.settings, parts.unlabelled, checkpoint, report); }}},
             1);

  std::vector<Job> jobs;
  for (const double sparsity : options.sparsity)
    for (const RunSpec& spec : planned_runs(options, sparsity)) {
      const bool planned =
          std::any_of(jobs.begin(), jobs.end(), [&](const Job& job) { return job.name == spec.name(); });
      if (planned || fs::exists(options.out / "runs" / (spec.name() + ".json"))) continue;
      jobs.push_back({spec.name(), options.settings.steps, [&options, &parts, spec](const Report& report) {
                        fine_tune(spec, options.settings, parts, options.out, report);
                      }});
    }
  if (!jobs.empty()) run_jobs("fine-tuning", jobs, options.jobs);

  std::ostringstream tables;
  for (const double sparsity : options.sparsity) {
    const std::vector<RunSpec> specs = planned_runs(options, sparsity);
    std::vector<RunResult> results;
    for (const RunSpec& spec : specs) {
      const fs::path path = options.out / "runs" / (spec.name() + ".json");
      results.push_back(result_from_json(common::read_file(path), path));
    }
    tables << "\n"
           << 100 * sparsity << " % sparsity, " << options.seeds << " seeds, " << parts.labelled.count()
           << " labelled images, accuracy on " << parts.unseen.count() << " images by other writers:\n\n";
    print_table(tables, specs, results);
    draw(options, sparsity, specs, results);
  }
  common::write_file(options.out / "table.md", tables.str());
  std::cout << tables.str() << std::flush;
  std::cerr << "\npictures: " << (options.out / "pictures").string()
            << "\nmodels:   " << (options.out / "models").string() << '\n';
}

}  // namespace digits

int main(int argc, char** argv) {
  try {
    digits::make_results(digits::parse_options(argc, argv));
    return 0;
  } catch (const digits::ExitNow& asked) {
    return asked.code;
  } catch (const digits::Interrupted& asked) {
    std::cerr << "interrupted: what is finished is kept, the same command goes on from there\n";
    return 128 + asked.signal;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
