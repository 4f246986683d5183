// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace digits {

/// What is trained on what, for how long: everything that changes the numbers of a run.
struct Settings {
  int pretrain_steps = 1600;
  int pretrain_batch = 16;
  double pretrain_rate = 2e-3;
  double hidden_patches = 0.4;  ///< the fraction of patches that pretraining hides
  int labels = 30;              ///< labelled images per digit
  int steps = 400;
  int batch = 16;
  int evaluations = 10;  ///< points of the accuracy curves
  bool reference = false;
  bool validate = false;
  std::string scores = "every";                                   ///< how importance scores learn, see LinearSpec
  std::string refresh = "every";                                  ///< when masks move
  std::string weighted_by = "nothing";                            ///< what abs(W~) counts by, see Wanda
  int delta_rank = 8;                                             ///< of the update U V
  std::optional<double> rate, score_rate, penalty, factor_scale;  ///< instead of a method's own

  /// As JSON text, to recognise a folder of results.
  [[nodiscard]] std::string to_json() const;
};

/// What the command line says.
struct Options {
  Settings settings;
  std::vector<std::string> methods;  ///< names, as in methods.hpp
  std::vector<double> sparsity{0.9, 0.98};
  int seed = 1;
  int seeds = 3;
  int jobs = 1;
  std::filesystem::path out = "digits_out";
  std::filesystem::path data;
  std::filesystem::path pretrained;      ///< a checkpoint to start from; empty: pretrain
  std::string layer = "block1.feed_in";  ///< whose mask is drawn
};

/// The command line was answered, by --help or an error message; `code` is the exit code.
struct ExitNow {
  int code;
};

/// Reads the command line; throws ExitNow when nothing is left to do.
[[nodiscard]] Options parse_options(int argc, char** argv);

}  // namespace digits
