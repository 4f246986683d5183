// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finetune {

/// How a run stood at one of its steps: what training gave since the last record, or what the dev data say.
struct Record {
  std::int64_t step = 0;
  double epoch = 0;
  double sparsity = 0;  ///< of the linear layers inside the blocks
  double rate = 0;      ///< the learning rate of the last step
  double seconds = 0;   ///< since the run began, pauses aside
  double step_ms = 0;   ///< the mean over the steps since the last record of training
  double tokens_per_second = 0;
  std::optional<double> loss = {};      ///< the mean over these steps; none where the dev data were asked
  std::optional<double> dev_loss = {};  ///< none where training is told of
  struct Named {
    std::string name;  ///< "accuracy", or "accuracy_matched" where a task has several dev files
    double value = 0;  ///< NaN where it is undefined; null in the file
  };
  std::vector<Named> scores = {};
};

/// The records of a run, one JSON object a line; each is in the file as soon as it is added.
class MetricsLog {
 public:
  /// Goes on behind the records that were there at `step`; later ones, and a last line that was not finished, are
  /// forgotten. Throws pst::Error on any other line that is no record.
  MetricsLog(std::filesystem::path file, std::int64_t step);

  void add(const Record& record);
  [[nodiscard]] const std::vector<Record>& records() const noexcept { return records_; }
  /// All records as a table with commas between the columns.
  [[nodiscard]] std::string csv() const;

 private:
  std::filesystem::path file_;
  std::vector<Record> records_;
};

}  // namespace finetune
