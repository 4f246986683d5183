// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/shared_cpu.hpp>
#include <pst/core/parameter.hpp>
#include <pst/core/tensor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "finetune/model/batch.hpp"
#include "finetune/model/config.hpp"
#include "finetune/model/embeddings.hpp"
#include "finetune/model/layer.hpp"
#include "finetune/model/names.hpp"
#include "finetune/model/virtual_tokens.hpp"
#include "transformer/dense_linear.hpp"
#include "transformer/distillation.hpp"

namespace finetune {

/// Which part of a model a parameter belongs to, to choose what trains.
enum class Part {
  embedding,
  norm,
  branch,  ///< an adapter inside the blocks
  tokens,  ///< virtual tokens, or what they are made from
  shared,  ///< the vector of an intrinsic dimension, which layers share
  layer,   ///< a linear layer inside the blocks: its factors, scores, weight and bias
  pooler,  ///< of BERT
  head     ///< of the task
};

/// Whether a part is beside the tensors of a folder.
[[nodiscard]] constexpr bool is_added(Part part) noexcept {
  return part == Part::branch || part == Part::tokens || part == Part::shared;
}

/// A parameter that may train. `parameter.name` is `name`, and lives as long as the model.
struct ModelParameter {
  Part part = Part::layer;
  std::string name;  ///< as in a Hugging Face folder where it is a tensor of one
  pst::Parameter<float> parameter;
};

/// What a batch should have given. Only what the task needs is read.
struct Targets {
  static constexpr int ignored = -100;

  std::span<const int> labels{};    ///< one per sequence, or for a language model one per id: itself, or `ignored`
  std::span<const float> values{};  ///< of a regression
  double smoothing = 0.0;           ///< the share of every label that is spread over all
  std::span<const float> taught{};  ///< what a teacher says: logits, or numbers of a regression; empty: there is none
  transformer::Distillation distillation{};  ///< how that counts
};

/// How one pass through a model is done.
struct Pass {
  std::uint64_t dropout_seed = 0;  ///< another one for each pass; 0 drops nothing
  double share = 1.0;              ///< gradients are multiplied with it: 1 / n for n batches a step
  bool keep = true;                ///< false: no backward follows, and blocks share memory for what they compute
};

/// A branch in a place of every block.
struct PlacedBranch {
  transformer::BranchPlace place = transformer::BranchPlace::after_attention;
  transformer::Branch<float>::Policy policy{};
};

/// A model of a Hugging Face folder, whatever the methods of the linear layers in its blocks.
///
///     model->attach();                              // once, after the weights are filled
///     model->begin_step(step, steps);               // masks are refreshed, gradients zero
///     loss = model->learn(batch, targets, {.dropout_seed = seed});
///     optimizer.step(...)                           // of those of parameters() that are to train
///
/// After the last update call `refresh(1.0)` before the model is asked or saved.
class Model {
 public:
  using Encoder = transformer::Encoder<float>;

  /// Logits: one row per sequence, or for a language model one per real token.
  virtual void forward(const Batch& batch, Matrix& logits, const Pass& pass = {}) = 0;
  /// Of the last forward, which kept what this needs: adds to the gradients of all parameters.
  virtual void backward(const Matrix& grad_logits) = 0;
  /// Forward, loss and backward. Returns the loss, a mean over all labels that count.
  virtual double learn(const Batch& batch, const Targets& targets, const Pass& pass = {}) = 0;
  /// The loss alone.
  [[nodiscard]] virtual double loss(const Batch& batch, const Targets& targets) = 0;
  /// The logits of the token that comes next, one row per sequence, where `batch` has the tokens behind those that
  /// `cache` remembers, which are added to it. Only a language model has them, and no backward can follow.
  virtual void next_logits(const Batch& batch, Cache& cache, Matrix& logits);
  /// Remembers as many sequences, all empty.
  [[nodiscard]] Cache make_cache(index_t sequences) const;
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Before `attach`: tables of embeddings and the weights of the layers in the blocks are from here on those of
  /// another model of the same shape, which must outlive this one. They do not train.
  void borrow(Model& other);
  void attach();
  /// The `step`-th of `steps`, from 1; 0 is the state before the first.
  void begin_step(index_t step, index_t steps);
  /// Before the model is asked, at a progress of 0 to 1: masks and weights are those of the parameters as they are.
  void refresh(double progress);
  /// From here on masks rest, as `refresh` leaves them at a progress of 0 to 1, and of the layers in the blocks the
  /// kept weights train, and nothing else: factors, scores and dense weights are freed. What the layers compute stays,
  /// bit for bit. Everything of `parameters` is to be asked for again.
  void train_kept(double progress);
  /// Of layers whose weights change behind gates, from here on the largest changes train alone, as large a share of all
  /// of them: gates, and the other changes, are freed.
  void train_changes(double share);
  /// Whether one of these has been done.
  [[nodiscard]] bool trains_kept() const noexcept { return !kept_cpu_.empty(); }

  /// After `attach`: puts branches into all blocks, which begin as their policies say; `seed` draws them.
  void put_branches(std::span<const PlacedBranch> branches, std::uint64_t seed);
  /// Those that were put.
  [[nodiscard]] std::span<const PlacedBranch> branches() const noexcept { return branches_; }
  /// Takes all of them out.
  void remove_branches();

  /// After `attach`: puts virtual tokens in front of every sequence, in the place of others; `seed` draws them. Throws
  /// pst::Error where they leave no position for a real token.
  void put_virtual_tokens(const PlacedTokens& tokens, std::uint64_t seed);
  /// The same tokens as parameters themselves, from the vectors that they have: `Direct`, whatever made them.
  void put_virtual_tokens(PlacedTokens tokens, pst::MatrixView<const float> vectors);
  /// Takes them out: the model is what it was without.
  void remove_virtual_tokens();
  /// Those that were put; none: there are none.
  [[nodiscard]] const std::optional<PlacedTokens>& virtual_tokens() const noexcept { return placed_tokens_; }
  /// Their vectors, count x features, as of the last refresh.
  [[nodiscard]] pst::MatrixView<const float> virtual_vectors() const;

  /// Throws pst::Error where there are branches or virtual tokens, which `form` does not hold.
  void refuse_added(const char* form) const;

  [[nodiscard]] const ModelConfig& config() const noexcept { return config_; }
  /// The blocks.
  [[nodiscard]] Encoder& encoder() noexcept { return encoder_; }
  /// Calls `visit(Layer&)` with every linear layer in the blocks.
  void for_each_layer(auto&& visit) { encoder_.for_each_projection(visit); }
  /// After `attach`: everything that may train, in a fixed order.
  [[nodiscard]] std::span<const ModelParameter> parameters() const noexcept { return parameters_; }
  /// The same as they are now, from the layers themselves.
  [[nodiscard]] std::vector<ModelParameter> current_parameters();

  /// A tensor of the folder, or a part of one; `layer` where it is the weight that a linear layer borrows.
  using VisitTensor = std::function<void(const TensorPlace& place, Matrix& value, Layer* layer)>;
  void for_each_tensor(const VisitTensor& visit);
  /// Random weights for what no folder gave: normal numbers, biases zero.
  void initialise(Owner owner, std::uint64_t seed);

  /// Everything that training may have changed, to go on from bit for bit.
  [[nodiscard]] pst::TensorList save();
  /// Where kept weights or changes trained when the state was saved, they do from here on: see `train_kept`.
  void restore(const pst::TensorList& state);

 protected:
  /// A dense layer behind the blocks, with the part that it is and whose tensors they are.
  struct Top {
    Layer& dense;
    Part part;
    Owner owner;
  };

  Model(ModelConfig config, Encoder encoder, bool train_embeddings);
  [[nodiscard]] virtual std::vector<Top> tops() { return {}; }

  /// Embeddings and blocks, of which `encoded_` and `batch_` keep what backward needs.
  void encode(const Batch& batch, const Pass& pass);
  void encode_backward(const Matrix& grad_encoded);
  /// The rows of `all` that are real tokens: `all` itself where there are no others, or else `scratch`.
  [[nodiscard]] const Matrix& real_rows(const Matrix& all, Matrix& scratch) const;
  /// The row that a classifier pools of each sequence, behind its first.
  [[nodiscard]] index_t pooled_row() const;
  /// Rows of virtual tokens in front of each sequence, and positions that real tokens come later.
  [[nodiscard]] InFront in_front() const;
  /// Likewise the tokens that come behind those in `cache`; no backward can follow.
  void encode_next(const Batch& batch, Cache& cache);

  ModelConfig config_;
  Encoder encoder_;
  Embeddings embeddings_;
  PackedBatch batch_;
  Matrix encoded_;
  std::uint64_t dropout_seed_ = 0;

 private:
  void collect_parameters();
  void begin_as_words(std::uint64_t seed);
  [[nodiscard]] pst::MatrixView<const float> prompt_vectors() const;
  /// Puts a layer of kept weights in the place of another.
  void replace(Layer& layer, pst::AnyLinear<float> kept);
  /// Puts what a layer was when it was saved back into it, or a layer of kept weights or changes in its place.
  void restore_layer(Layer& layer, const pst::TensorList& state);
  [[nodiscard]] const pst::SharedCpu& kept_cpu();

  Encoder::Tape tape_;
  pst::SharedCpu kept_cpu_;  ///< of layers of kept weights; empty until there are some
  std::vector<ModelParameter> parameters_;
  std::vector<PlacedBranch> branches_;
  std::optional<PlacedTokens> placed_tokens_;
  std::optional<transformer::VirtualTokens<float>> virtual_tokens_;
  Matrix embedded_, grad_embedded_;
};

/// A model with weights that are zero, to be filled. Where `together`, query, key and value are one layer.
[[nodiscard]] std::unique_ptr<Model> make_model(const ModelConfig& config, bool together, const MakeLayer& make_layer,
                                                bool train_embeddings);

}  // namespace finetune
