// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/mask_report.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("a report counts what the mask keeps, and what changed since the step before", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  const Shape shape{.in = 67, .out = 41};
  const auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in);
  ScoredLayer<T, TopK> layer{shape, {.schedule = {.sparsity = 0.6}, .name = "query"}};
  layer.attach(weight.view());
  oracle::Mask before;
  for (std::uint64_t seed = 2; seed < 5; ++seed) {
    assign(parameter_of(layer, "score.S").value, Draw{seed}.grid<Scalar>(shape.out, shape.in));
    layer.begin_step(0, 1);
    const auto mask = unpacked(layer.mask());
    const MaskReport report = layer.report();
    CHECK(report.name == "query");
    CHECK(report.shape == shape);
    CHECK(report.target_sparsity == 0.6);
    CHECK(report.kept == kept_in(mask));
    CHECK(report.kept == shape.size() - 1648);  // trunc(67 * 41 * 0.6) are pruned
    CHECK(report.achieved_sparsity() == 1 - static_cast<double>(report.kept) / static_cast<double>(shape.size()));
    std::vector<index_t> rows(41), columns(67);
    index_t dropped = 0, regrown = 0;
    for (std::size_t n = 0; n < mask.size(); ++n) {
      rows[n / 67] += mask[n], columns[n % 67] += mask[n];
      if (!before.empty()) dropped += before[n] > mask[n], regrown += before[n] < mask[n];
    }
    CHECK(report.kept_per_row == rows);
    CHECK(report.kept_per_column == columns);
    if (before.empty()) {
      CHECK(report.churn() == 0);
    } else {
      CHECK(dropped > 0);
      CHECK(report.dropped == dropped);
      CHECK(report.regrown == regrown);
      CHECK(report.churn() == static_cast<double>(dropped + regrown) / static_cast<double>(shape.size()));
    }
    before = mask;
  }
  layer.begin_step(0, 1);
  CHECK(layer.report().churn() == 0);
}
TEST_CASE_TEMPLATE("a report knows the bytes of the weight, of an export and of training", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  const Shape shape{.in = 67, .out = 41};
  const auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in), bias = Draw{2}.normal<Scalar>(1, shape.out);
  using Layer = SparseLinear<Scalar, Movement, LowRank<Rank<3>>, TopK, ConstantSchedule, ReferenceGradient, FrozenBias,
                             typename T::backend>;
  Layer layer{shape, {.dense_above_density = 1}}, dense{shape, {.dense_above_density = 0}};
  layer.attach(weight.view(), bias.view()), dense.attach(weight.view(), bias.view());
  layer.begin_step(0, 1), dense.begin_step(0, 1);
  const MaskReport report = layer.report();
  const auto packed = layer.export_bitmask();
  CHECK(report.dense_bytes == 67 * 41 * sizeof(Scalar));
  CHECK(report.compressed_bytes == packed.value.size() * sizeof(Scalar) + packed.bitmask.size());
  CHECK(report.trainable == 67 * 41 + 3 * (67 + 41));
  // at least: values and gradients of all that trains, the mask, and the kept weights with their columns, twice
  const std::size_t kept_twice = 2 * static_cast<std::size_t>(report.kept) * (sizeof(Scalar) + 1);
  CHECK(report.training_bytes >=
        2 * static_cast<std::size_t>(report.trainable) * sizeof(Scalar) + 41 * 2 * 8 + kept_twice);
  CHECK(dense.report().training_bytes + kept_twice <= report.training_bytes);  // which holds none of these
  // at least a tile of W~, S and G
  CHECK(report.scratch_bytes >= 3 * 41 * 67 * sizeof(Scalar));
}
TEST_CASE("PST trains (r1 + r2)(out + in) + out + in numbers, and a bias if told to") {
  const HostMatrix<float> weight(768, 768);
  HostMatrix<float> bias(1, 768);
  SparseLinear<> layer{{.in = 768, .out = 768}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  CHECK(layer.report().trainable == 16 * (768 + 768) + 768 + 768);
  CHECK(layer.report().kept == 768 * 768);
  layer.begin_step(1, 1);
  CHECK(layer.report().kept == 768 * 768 - 530841);
  SparseLinear<>::with<TrainedBias> with_bias{{.in = 768, .out = 768}};
  with_bias.attach(weight.view(), bias.view());
  with_bias.begin_step(1, 1);
  CHECK(with_bias.report().trainable == 16 * (768 + 768) + 768 + 768 + 768);
}
TEST_CASE("reports add up, with the target weighted by size") {
  const MaskReport reports[] = {
      {"a", {.in = 10, .out = 10}, 0.5, 50, 3, 4, {}, {}, 400, 220, 1000, 50, 70},
      {"b", {.in = 30, .out = 10}, 0.9, 30, 5, 6, {}, {}, 1200, 180, 3000, 60, 90},
  };
  const MaskReport total = total_of(reports);
  CHECK(total.name == "total");
  CHECK(total.shape.size() == 400);
  CHECK(std::abs(total.target_sparsity - 0.8) <= tolerances<double>::value);
  CHECK(total.kept == 80);
  CHECK(total.dropped == 8);
  CHECK(total.regrown == 10);
  CHECK(total.dense_bytes == 1600);
  CHECK(total.compressed_bytes == 400);
  CHECK(total.training_bytes == 4000);
  CHECK(total.trainable == 160);
  CHECK(std::abs(total.achieved_sparsity() - 0.8) <= tolerances<double>::value);
  const MaskReport none = total_of({});
  CHECK(none.achieved_sparsity() == 0);
  CHECK(none.churn() == 0);
}
TEST_CASE("a printed report has a line for each layer and the total, and leaves the stream as it was") {
  const MaskReport reports[] = {
      {"encoder.layer.0.attention.query", {.in = 10, .out = 10}, 0.5, 50, 3, 4, {}, {}, 400, 220, 1000, 50, 70},
      {"b", {.in = 30, .out = 10}, 0.9, 30, 5, 6, {}, {}, 1200, 180, 3000, 60, 90},
  };
  std::ostringstream out;
  print(out, reports);
  std::vector<std::string> lines;
  std::istringstream in{out.str()};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  REQUIRE(lines.size() == 4);
  CHECK(lines[1].starts_with("encoder.layer.0.attention.query "));
  CHECK(lines[3].starts_with("total "));
  for (const std::string& line : lines) CHECK(line.size() == lines[0].size());
  CHECK(lines[1].find(" 50.00 ") != std::string::npos);
  CHECK(lines[2].find(" 90.00 ") != std::string::npos);
  out << 0.5;
  CHECK(out.str().ends_with("\n0.5"));
  std::ostringstream one;
  print(one, std::span{reports}.first(1));
  CHECK(one.str().find("total") == std::string::npos);
}

}  // namespace
}  // namespace pst::test
