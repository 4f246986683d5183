// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/check.hpp"

#include <pst/core/error.hpp>
#include <pst/core/float16.hpp>
#include <pst/core/order_key.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace finetune {

using pst::io::ElementType;

namespace {

float rounded(float value, ElementType type) {
  switch (type) {
    case ElementType::f16: return pst::float_from_f16(pst::f16_from(static_cast<double>(value)));
    case ElementType::bf16: return pst::float_from_bf16(pst::bf16_from(static_cast<double>(value)));
    default: return value;
  }
}

void ask(Model& model, const SequenceBatch& sequences, Matrix& logits) {
  if (model.config().objective != Objective::language_model)
    return model.forward(sequences.batch(), logits, {.keep = false});
  Cache cache = model.make_cache(static_cast<index_t>(sequences.batch().lengths.size()));
  model.next_logits(sequences.batch(), cache, logits);
}

std::string key_of(const TensorPlace& place) {
  return place.parts == 1 ? place.name : place.name + " part " + std::to_string(place.part);
}

}  // namespace

LayerZeros ExportReport::total() const {
  LayerZeros sum{.name = "total"};
  for (const LayerZeros& layer : layers) sum.size += layer.size, sum.zeros += layer.zeros;
  return sum;
}

std::vector<LayerZeros> count_zeros(Model& model) {
  std::vector<LayerZeros> layers;
  Matrix weight;
  model.for_each_layer([&](Layer& layer) {
    layer.export_weight(weight);
    layers.push_back({layer.name, weight.size(), static_cast<index_t>((weight.array() == 0.0F).count())});
  });
  return layers;
}

std::uintmax_t dense_bytes(Model& model) {
  std::uintmax_t count = 0;
  Matrix weight;
  model.for_each_tensor([&](const TensorPlace&, const Matrix& value, Layer* layer) {
    if (layer != nullptr) layer->export_weight(weight);
    count += static_cast<std::uintmax_t>(layer != nullptr ? weight.size() : value.size());
  });
  return count * sizeof(float);
}

std::vector<Sequence> random_probes(const ModelConfig& config, std::size_t count) {
  std::mt19937_64 random{1};
  const auto below = [&](index_t end) { return static_cast<index_t>(random() % static_cast<std::uint64_t>(end)); };
  std::vector<Sequence> probes(count);
  for (Sequence& probe : probes) {
    const index_t length = 1 + below(std::min<index_t>(config.longest(), 24));
    for (index_t t = 0; t < length; ++t) probe.ids.push_back(static_cast<int>(below(config.vocabulary)));
  }
  return probes;
}

AnswerDifference compare_answers(Model& expected, Model& found, Probes probes) {
  AnswerDifference difference{.sequences = probes.size()};
  double largest = 1e-5, apart = 0.0;
  Matrix first, second;
  for (const auto& which : batches_of_like_length(probes, 16)) {
    const SequenceBatch batch{probes, which};
    ask(expected, batch, first);
    ask(found, batch, second);
    for (index_t row = 0; row < first.rows(); ++row) {
      index_t one = 0, other = 0;
      first.row(row).maxCoeff(&one);
      second.row(row).maxCoeff(&other);
      difference.changed += one != other ? 1 : 0;
      for (index_t col = 0; col < first.cols(); ++col) {
        pst::require(pst::is_finite(first(row, col)) && pst::is_finite(second(row, col)),
                     "a logit is not finite, the model cannot be exported");
        largest = std::max(largest, std::abs(static_cast<double>(first(row, col))));
        apart = std::max(apart, std::abs(static_cast<double>(first(row, col)) - static_cast<double>(second(row, col))));
      }
    }
  }
  difference.logits = apart / largest;
  return difference;
}

AnswerDifference check_answers(Model& expected, Model& found, const std::filesystem::path& folder, Probes probes) {
  const AnswerDifference difference = compare_answers(expected, found, probes);
  pst::require(difference.logits <= most_difference, folder.string(), ": its logits are up to ", difference.logits,
               " apart from the model's, relative to the largest: other weights have trained");
  return difference;
}

void check_same_numbers(Model& expected, Model& found, ElementType type, const std::string& source) {
  std::map<std::string, Matrix> tensors;
  found.for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer* layer) {
    if (layer != nullptr)
      layer->export_weight(tensors[key_of(place)]);
    else
      tensors[key_of(place)] = value;
  });
  Matrix exported;
  expected.for_each_tensor([&](const TensorPlace& place, const Matrix& stored, Layer* layer) {
    if (layer != nullptr) layer->export_weight(exported);
    const Matrix& value = layer != nullptr ? exported : stored;
    const auto at = tensors.find(key_of(place));
    pst::require(at != tensors.end() && at->second.rows() == value.rows() && at->second.cols() == value.cols(), source,
                 ": tensor ", key_of(place), " came back in another shape");
    for (index_t i = 0; i < value.size(); ++i)
      pst::require(at->second.data()[i] == rounded(value.data()[i], type), source, ": tensor ", key_of(place),
                   " came back as ", at->second.data()[i], " at element ", i, ", written was ", value.data()[i]);
  });
}

ExportReport check_export(Model& model, Model& found, ElementType type, const std::filesystem::path& source,
                          Probes probes) {
  check_same_numbers(model, found, type, source.string());
  ExportReport report{.layers = count_zeros(found), .dense_bytes = dense_bytes(model)};
  std::size_t at = 0;
  model.for_each_layer([&](Layer& layer) {
    const LayerZeros& now = report.layers.at(at++);
    pst::require(now.zeros >= now.size - layer.layer.kept(), source.string(), ": layer ", now.name, " has ", now.zeros,
                 " zeros, expected at least ", now.size - layer.layer.kept());
  });
  report.difference = compare_answers(model, found, probes);
  pst::require(type != ElementType::f32 || report.difference.logits <= most_difference, source.string(),
               ": its logits are up to ", report.difference.logits, " apart from the model's, relative to the largest");
  return report;
}

}  // namespace finetune
