// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;

TEST_CASE("dropout in a model follows its seed, and none is without effect") {
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    const Golden golden{name};
    const LoadedModel loaded = load_model(data / name, {}, transformer::dense_layers<float>());
    const auto logits = [&](std::uint64_t seed) {
      Matrix made;
      loaded.model->forward(golden.batch(), made, {.dropout_seed = seed});
      return numbers(made);
    };
    CHECK(logits(1) == logits(1));
    CHECK(relative_error(logits(1), logits(2)) > 0.01);
    CHECK(relative_error(logits(1), logits(0)) > 0.01);
  }
}

// Float allows no finite difference of single numbers: of all parameters at once, in a random direction, the loss
// changes by 0.01 or more while it is rounded to about 1e-7. The largest relative error measured is 4e-4.
TEST_CASE("gradients with dropout are the finite differences of the loss with the same seed") {
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    CAPTURE(name);
    const Golden golden{name};
    const LoadedModel loaded = load_model(data / name, {}, transformer::dense_layers<float>());
    const Pass pass{.dropout_seed = 3};
    std::mt19937_64 random{8};
    std::vector<Matrix> directions;
    const auto move = [&](float by) {
      for (std::size_t i = 0; i < directions.size(); ++i)
        transformer::map(loaded.model->parameters()[i].parameter.value) += by * directions[i];
    };
    loaded.model->begin_step(0, 1);
    loaded.model->learn(golden.batch(), golden.targets(), pass);
    double expected = 0.0;
    for (const ModelParameter& each : loaded.model->parameters()) {
      const auto grad = transformer::map(each.parameter.grad);
      Matrix& direction = directions.emplace_back(grad.rows(), grad.cols());
      transformer::fill_normal(direction, 1.0, random);
      // Along the gradient, so that there is something to measure, and partly across it.
      direction = direction * (0.2F * grad.norm() / direction.norm()) + grad;
      expected += static_cast<double>(direction.cwiseProduct(grad).sum());
    }
    const float step = 3e-4F;
    move(step);
    const double above = loaded.model->learn(golden.batch(), golden.targets(), pass);
    move(-2 * step);
    const double below = loaded.model->learn(golden.batch(), golden.targets(), pass);
    const double found = (above - below) / (2 * static_cast<double>(step));
    MESSAGE("relative error of the difference: ", std::abs(found - expected) / expected);
    CHECK(found == doctest::Approx(expected).epsilon(2e-3));
  }
}
