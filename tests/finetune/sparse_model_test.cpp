// SPDX-License-Identifier: Apache-2.0
#include <pst/pst.hpp>

#include "finetune/model/folder.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

/// Dense at step 0, half sparse at the end.
LoadedModel load_sparse(const fs::path& folder, std::uint64_t seed = 1) {
  return load_model(folder, {}, transformer::layers_of<float>({.sparsity = 0.5, .bias = "trained", .seed = seed}));
}

/// Three steps of AdamW on everything, then the last mask.
void train(Model& model, const Golden& golden) {
  std::vector<pst::Parameter<float>> parameters;
  for (const ModelParameter& each : model.parameters()) parameters.push_back(each.parameter);
  pst::AdamW<float> optimizer{{.learning_rate = 1e-2}};
  for (int step = 0; step < 3; ++step) {
    model.begin_step(step, 3);
    model.learn(golden.batch(), golden.targets(), {.dropout_seed = static_cast<std::uint64_t>(step + 1)});
    optimizer.step(parameters);
  }
  model.begin_step(3, 3);
}

}  // namespace

TEST_CASE("sparse layers at sparsity 0 give the logits, loss and gradients of dense ones") {
  for (const std::string name : {"bert", "gpt2"}) {
    const Golden golden{name};
    const LoadedModel dense = load_model(data / name, {}, transformer::dense_layers<float>()),
                      sparse = load_sparse(data / name);
    for (const LoadedModel* each : {&dense, &sparse}) each->model->begin_step(0, 1);
    CHECK(relative_error(logits_of(*sparse.model, golden), logits_of(*dense.model, golden)) < 1e-5);
    CHECK(sparse.model->learn(golden.batch(), golden.targets()) ==
          doctest::Approx(dense.model->learn(golden.batch(), golden.targets())).epsilon(1e-6));
    std::size_t compared = 0;
    for (const ModelParameter& expected : dense.model->parameters())
      for (const ModelParameter& found : sparse.model->parameters()) {
        if (found.name != expected.name || found.name.ends_with("key.bias")) continue;
        INFO(found.name);
        ++compared;
        CHECK(relative_error(numbers(transformer::map(found.parameter.grad)),
                             numbers(transformer::map(expected.parameter.grad)), 1e-3) < 1e-4);
      }
    CHECK(compared > 20);
  }
}

TEST_CASE("a trained sparse model is saved with exact zeros and predicts the same when loaded as dense") {
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    const Golden golden{name};
    const LoadedModel sparse = load_sparse(data / name);
    train(*sparse.model, golden);
    const TemporaryDirectory folder;
    save_model(*sparse.model, folder.path());
    const LoadedModel again = load_model(folder.path(), {}, transformer::dense_layers<float>());
    CHECK(again.made_new.empty());
    CHECK(again.unused.empty());
    index_t kept = 0, not_zero = 0, all = 0;
    sparse.model->for_each_layer([&](Layer& layer) { kept += layer.layer.kept(); });
    again.model->for_each_layer([&](Layer& layer) {
      not_zero += (layer.weight.array() != 0.0F).count();
      all += layer.weight.size();
    });
    CHECK(2 * kept == all);
    CHECK(not_zero == kept);
    const auto saved = logits_of(*sparse.model, golden);
    CHECK(relative_error(logits_of(*again.model, golden), saved) < 1e-5);
    const LoadedModel untrained = load_model(data / name, {}, transformer::dense_layers<float>());
    CHECK(relative_error(logits_of(*untrained.model, golden), saved) > 0.1);
  }
}

TEST_CASE("a restored state goes on with the same bits") {
  const Golden golden{"roberta"};
  const LoadedModel one = load_sparse(data / "roberta"), two = load_sparse(data / "roberta", 99);
  train(*one.model, golden);
  two.model->restore(one.model->save());
  two.model->begin_step(3, 3);
  CHECK(logits_of(*two.model, golden) == logits_of(*one.model, golden));
  one.model->begin_step(2, 3);
  two.model->begin_step(2, 3);
  CHECK(one.model->learn(golden.batch(), golden.targets(), {.dropout_seed = 5}) ==
        two.model->learn(golden.batch(), golden.targets(), {.dropout_seed = 5}));
  const auto ours = one.model->parameters(), theirs = two.model->parameters();
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i)
    CHECK(transformer::map(ours[i].parameter.grad) == transformer::map(theirs[i].parameter.grad));
}

TEST_CASE("a state of another model is refused") {
  const LoadedModel bert = load_sparse(data / "bert"), roberta = load_sparse(data / "roberta");
  pst::TensorList state = roberta.model->save();
  CHECK_THROWS_AS(bert.model->restore(state), pst::Error);
}
