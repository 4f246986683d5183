// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>
#include <pst/core/order_key.hpp>
#include <pst/io/checkpoint.hpp>
#include <pst/io/strict_json.hpp>
#include <pst/pst.hpp>
#include <pst/serve/sparse_matrix.hpp>

#include <set>

#include "finetune/export/archive.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/model/file_tensors.hpp"
#include "finetune/model/open_weights.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

using pst::io::ElementType;
using pst::io::TensorEntry;
using Shape = std::vector<index_t>;

constexpr std::size_t most_config_bytes = std::size_t{1} << 22;

/// The configuration without what says how weights are stored, once that is what this reads.
ModelConfig read_archive_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  const std::string source = path.string();
  const pst::io::MappedFile file{path};
  pst::require(file.bytes().size() <= most_config_bytes, source, ": has ", file.bytes().size(),
               " bytes, expected at most ", most_config_bytes);
  nlohmann::json json = pst::io::strict_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
                                             source + ": the configuration", 16);
  const auto stored = json.is_object() ? json.find("quantization_config") : json.end();
  pst::require(json.is_object() && stored != json.end(), source,
               ": has no quantization_config, so this is no sparse archive: read a Hugging Face folder with --model");
  const nlohmann::json format =
      stored->is_object() ? stored->value(nlohmann::json::json_pointer{"/sparsity_config/format"}, nlohmann::json{})
                          : nlohmann::json{};
  pst::require(format == "sparse-bitmask", source, ": sparsity_config has the format ",
               pst::io::printable(format.dump()), ", expected \"sparse-bitmask\"");
  json.erase("quantization_config");
  return parse_config(json.dump(), source);
}

/// The tensors of an archive.
class ArchiveTensors {
 public:
  explicit ArchiveTensors(const fs::path& folder) : file_{open_weights(folder)} {}

  /// Whether a weight is compressed; throws pst::Error when it is neither that nor plain, or both.
  [[nodiscard]] bool is_compressed(const std::string& weight) const {
    const bool packed = file_.find(part(weight, ".compressed")) != nullptr, plain = file_.find(weight) != nullptr;
    pst::require(packed != plain, file_.source(), ": has ", packed ? "both" : "neither", " \"", weight, "\" ",
                 packed ? "and" : "nor", " \"", part(weight, ".compressed"), "\", expected one of them");
    return packed;
  }
  /// The numbers of a plain tensor.
  [[nodiscard]] std::vector<float> plain(const std::string& name, const Shape& shape) const {
    const TensorEntry& entry = at(name, shape);
    const std::string what = pst::io::tensor_in(file_.source(), name);
    std::vector<float> values = pst::io::read_elements<float>(entry, what);
    for (std::size_t i = 0; i < values.size(); ++i)
      pst::require(pst::is_finite(values[i]), what, " holds ", values[i], " at element ", i,
                   ", expected finite numbers");
    return values;
  }
  /// A compressed weight of this shape; SparseMatrix checks that mask, offsets and values go together.
  [[nodiscard]] pst::BitmaskMatrix<float> packed(const std::string& weight, const Shape& shape) const {
    pst::BitmaskMatrix<float> made{shape[0], shape[1], {}, {}, {}};
    const auto stored_shape = integers<std::int64_t>(part(weight, ".shape"), {2});
    pst::require(stored_shape[0] == shape[0] && stored_shape[1] == shape[1],
                 pst::io::tensor_in(file_.source(), part(weight, ".shape")), " says ", stored_shape[0], " x ",
                 stored_shape[1], ", expected ", shape[0], " x ", shape[1], " by config.json");
    made.bitmask = integers<std::uint8_t>(part(weight, ".bitmask"), {shape[0], (shape[1] + 7) / 8});
    made.row_offsets = integers<std::int64_t>(part(weight, ".row_offsets"), {shape[0]});
    const std::string name = part(weight, ".compressed");
    const TensorEntry& values = file_.at(name);
    pst::require(values.shape.size() == 1, pst::io::tensor_in(file_.source(), name), " has shape ",
                 pst::io::text_of(values.shape), ", expected one dimension");
    made.value = file_.read<float>(name);
    return made;
  }
  /// How the file has the numbers of a weight.
  [[nodiscard]] ElementType type_of(const std::string& weight) const {
    const ElementType type = file_.at(is_compressed(weight) ? part(weight, ".compressed") : weight).type;
    pst::require(type == ElementType::f32 || type == ElementType::f16 || type == ElementType::bf16, file_.source(),
                 ": the numbers of \"", weight, "\" are ", pst::io::name_of(type), ", expected F32, F16 or BF16");
    return type;
  }
  [[nodiscard]] const std::string& source() const noexcept { return file_.source(); }
  [[nodiscard]] auto entries() const { return file_.entries(); }

 private:
  [[nodiscard]] static std::string part(const std::string& weight, const char* ending) {
    return weight.substr(0, weight.rfind('.')) + ending;
  }
  [[nodiscard]] const TensorEntry& at(const std::string& name, const Shape& shape) const {
    const TensorEntry& entry = file_.at(name);
    pst::require(entry.shape == shape, pst::io::tensor_in(file_.source(), name), " has shape ",
                 pst::io::text_of(entry.shape), ", expected ", pst::io::text_of(shape), " by config.json");
    return entry;
  }
  template <class T>
  [[nodiscard]] std::vector<T> integers(const std::string& name, const Shape& shape) const {
    const TensorEntry& entry = at(name, shape);
    pst::require(entry.type == pst::io::element_type_of<T>(), pst::io::tensor_in(file_.source(), name), " holds ",
                 pst::io::name_of(entry.type), ", expected ", pst::io::name_of(pst::io::element_type_of<T>()));
    return file_.read<T>(name);
  }

  pst::io::Checkpoint file_;
};

/// Nothing is allocated by what config.json says before the file has shown that it holds as much.
void check_tensors(const ArchiveTensors& tensors, const ModelConfig& config, const std::set<std::string>& weights) {
  for (const TensorEntry& entry : tensors.entries()) refuse_more_blocks(config, entry.name, tensors.source());
  for (const ExpectedTensor& expected : expected_tensors(config))
    if (weights.contains(expected.name) && tensors.is_compressed(expected.name))
      static_cast<void>(tensors.packed(expected.name, expected.shape));
    else
      static_cast<void>(tensors.plain(expected.name, expected.shape));
}

/// The weights of linear layers in the blocks, by the names of the file.
std::set<std::string> layer_weights(const ModelConfig& config) {
  std::set<std::string> names;
  const transformer::EncoderNames& of = encoder_names(config.architecture);
  std::vector<std::string_view> layers{of.attention_output, of.feed_in, of.feed_out};
  if (config.architecture == Architecture::gpt2)
    layers.push_back(of.together);
  else
    layers.insert(layers.end(), {of.query, of.key, of.value});
  for (index_t b = 0; b < config.blocks; ++b)
    for (const std::string_view layer : layers)
      names.insert(encoder_place(config.architecture, of.in_block(b, layer) + ".weight").name);
  return names;
}

/// Gives layers their weights.
class WeightLoader {
 public:
  explicit WeightLoader(const ArchiveTensors& tensors) : tensors_{tensors} {}

  void load(const TensorPlace& place, CompressedLinear& layer) {
    const pst::Shape shape = layer.shape();
    const Shape stored = place.shape_in_file(shape.out, shape.in);
    const ElementType type = tensors_.type_of(place.name);
    if (tensors_.is_compressed(place.name) && place.parts == 1 && !place.transposed)
      return layer.set(tensors_.packed(place.name, stored), type);
    if (place.name != name_) numbers_ = numbers_of(place.name, stored);
    name_ = place.name;
    Matrix weight(shape.out, shape.in);
    take_part(place, numbers_, weight);
    layer.set(weight, type);
  }

 private:
  [[nodiscard]] std::vector<float> numbers_of(const std::string& name, const Shape& shape) const {
    if (!tensors_.is_compressed(name)) return tensors_.plain(name, shape);
    std::vector<float> numbers(static_cast<std::size_t>(shape[0] * shape[1]));
    const pst::SparseMatrix<> matrix{tensors_.packed(name, shape), tensors_.source() + ": " + name};
    matrix.to_dense({numbers.data(), shape[0], shape[1]});
    return numbers;
  }

  const ArchiveTensors& tensors_;
  std::string name_;            ///< of the last tensor that was taken apart
  std::vector<float> numbers_;  ///< its numbers: parts of one tensor follow one another
};

}  // namespace

std::unique_ptr<Model> load_archive(const fs::path& folder, bool together) {
  const ModelConfig config = read_archive_config(folder);
  const ArchiveTensors tensors{folder};
  check_tensors(tensors, config, layer_weights(config));
  auto model = make_model(config, together, compressed_layers(), false);
  WeightLoader loader{tensors};
  model->for_each_tensor([&](const TensorPlace& place, Matrix& value, Layer* layer) {
    if (layer != nullptr)
      loader.load(place, compressed_layer(*layer));
    else
      take_part(place, tensors.plain(place.name, place.shape_in_file(value.rows(), value.cols())), value);
  });
  model->attach();
  model->refresh(1.0);
  return model;
}

}  // namespace finetune
