// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "text_lines.hpp"

namespace finetune {

/// The next record of a file with commas between fields (RFC 4180): a field in quotation marks may hold commas, line
/// ends and doubled quotation marks. False when there is none; empty lines are passed over.
[[nodiscard]] bool next_csv_record(TextLines& lines, std::vector<std::string>& fields);

}  // namespace finetune
