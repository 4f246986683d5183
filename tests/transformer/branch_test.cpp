// SPDX-License-Identifier: Apache-2.0
#include "transformer/branch.hpp"

#include <array>
#include <vector>

#include "dense_encoder.hpp"
#include "gradient_check.hpp"

using namespace transformer;
using transformer::test::make_encoder;
using transformer::test::Mat;

namespace {

constexpr std::array places{BranchPlace::after_attention,
                            BranchPlace::after_feed_forward,
                            BranchPlace::after_block,
                            BranchPlace::beside_feed_forward,
                            BranchPlace::keys,
                            BranchPlace::values,
                            BranchPlace::activation};

EncoderConfig config_of(NormPlace place) { return {.blocks = 2, .width = 6, .heads = 3, .hidden = 8, .norm = place}; }
void put(Encoder<double>& encoder, BranchPlace where, const Branch<double>::Policy& policy) {
  encoder.put_branches(where, policy, 5, {}, pst::share_cpu());
}
/// All parameters of the branches are drawn anew.
void draw(Encoder<double>& encoder) {
  std::mt19937_64 random{9};
  encoder.for_each_branch([&](auto& branch) {
    branch.for_each_parameter([&](auto parameter) {
      Mat drawn(parameter.value.rows, parameter.value.cols);
      fill_normal(drawn, 0.5, random);
      map(parameter.value) += drawn;
    });
  });
  encoder.rule.for_each_parameter([&](auto rule) {
    Mat drawn(rule.value.rows, rule.value.cols);
    fill_normal(drawn, 0.5, random);
    map(rule.value) += drawn;
  });
}

}  // namespace

TEST_CASE("the gradients of an encoder with a branch in any place are its finite differences") {
  for (const NormPlace norm : {NormPlace::before, NormPlace::after})
    for (const BranchPlace where : places)
      for (const bool scales : {false, true}) {
        CAPTURE(name_of(where));
        Encoder<double> encoder = make_encoder(config_of(norm));
        put(encoder, where, scales ? Branch<double>::Policy{pst::Rescale{}} : pst::Bottleneck{.width = 2, .scale = 2});
        draw(encoder);
        Encoder<double>::Tape tape;
        Mat x = test::normal(6, 6, 1), y, grad_x;
        const Mat weight = test::normal(6, 6, 2);
        const auto loss = [&] {
          encoder.forward(x, {.tokens = 3}, tape, y);
          return y.cwiseProduct(weight).sum();
        };
        encoder.begin_step(0, 1);
        loss();
        encoder.backward({.tokens = 3}, tape, weight, grad_x);
        test::check_gradient("x", view(x), view(grad_x), loss);
        int branches = 0;
        encoder.for_each_branch([&](auto& branch) {
          ++branches;
          branch.for_each_parameter([&](auto parameter) {
            test::check_gradient(std::string{parameter.name}, parameter.value, parameter.grad, loss);
          });
        });
        CHECK(branches == 2);
        encoder.blocks[0].for_each_norm([&](auto& each) {
          each.for_each_parameter([&](auto parameter) {
            test::check_gradient(std::string{parameter.name}, parameter.value, parameter.grad, loss);
          });
        });
      }
}

TEST_CASE("all Kronecker projections of an encoder share one rule, whose gradient is its finite difference") {
  Encoder<double> encoder = make_encoder(config_of(NormPlace::after));
  const KroneckerBottleneck branch{.width = 2, .projection = {.parts = 2}};
  put(encoder, BranchPlace::after_attention, branch);
  put(encoder, BranchPlace::after_feed_forward, branch);
  draw(encoder);
  Encoder<double>::Tape tape;
  const Mat x = test::normal(6, 6, 1), weight = test::normal(6, 6, 2);
  Mat y, grad_x;
  const auto loss = [&] {
    encoder.forward(x, {.tokens = 3}, tape, y);
    return y.cwiseProduct(weight).sum();
  };
  for (int again = 0; again < 2; ++again) {  // the second time, gradients of the first are gone
    encoder.begin_step(0, 1);
    loss();
    encoder.backward({.tokens = 3}, tape, weight, grad_x);
    int rules = 0;
    encoder.for_each_parameter([&](const auto& parameter) {
      if (parameter.name.find("rule") == std::string_view::npos) return;
      ++rules;
      CHECK(parameter.name == "adapter.rule");
      test::check_gradient("rule", parameter.value, parameter.grad, loss);
    });
    CHECK(rules == 1);
  }
  encoder.remove_branches();
  encoder.rule.for_each_parameter([](const auto&) { FAIL("the rule is still there"); });
}

TEST_CASE("every place changes what an encoder gives, and a branch that begins at the identity does not") {
  const Mat x = test::normal(6, 6, 1);
  for (const NormPlace norm : {NormPlace::before, NormPlace::after}) {
    Encoder<double> plain = make_encoder(config_of(norm));
    Encoder<double>::Tape tape;
    Mat expected;
    plain.forward(x, {.tokens = 3}, tape, expected);
    std::vector<Mat> seen;
    for (const BranchPlace where : places) {
      CAPTURE(name_of(where));
      for (const Branch<double>::Policy& policy :
           {Branch<double>::Policy{pst::Rescale{}}, {pst::Bottleneck{.start = pst::BottleneckStart::identity}}}) {
        Encoder<double> encoder = make_encoder(config_of(norm));
        put(encoder, where, policy);
        Encoder<double>::Tape own;
        Mat y;
        encoder.forward(x, {.tokens = 3}, own, y);
        CHECK(y == expected);
        draw(encoder);
        encoder.forward(x, {.tokens = 3}, own, y);
        for (const Mat& other : seen) CHECK_FALSE(y.isApprox(other, 1e-6));
        seen.push_back(y);
      }
    }
  }
}

TEST_CASE("a branch is told from others by block and place, and the cache gives what a whole forward gives") {
  EncoderConfig config = config_of(NormPlace::before);
  config.causal = true;
  Encoder<double> encoder = make_encoder(config);
  for (const BranchPlace where : places) put(encoder, where, pst::Bottleneck{.width = 2});
  draw(encoder);
  std::vector<std::string> names;
  encoder.for_each_branch(
      [&](auto& branch) { branch.for_each_parameter([&](auto parameter) { names.emplace_back(parameter.name); }); });
  CHECK(names.size() == 2 * 7 * 4);
  CHECK(names.front() == "block0.adapter.keys.down");
  CHECK(names.back() == "block1.adapter.activation.up_bias");
  Encoder<double>::Tape tape, cached;
  const Mat x = test::normal(4, 6, 1);
  Mat y, first, second;
  encoder.forward(x, {.tokens = 4}, tape, y);
  KeyValueCache<double> cache{2, 6, 8, 1};
  const std::array<index_t, 1> three{3}, one{1};
  encoder.extend(x.topRows(3), three, cache, cached, first);
  encoder.extend(x.bottomRows(1), one, cache, cached, second);
  CHECK(first.isApprox(y.topRows(3), 1e-10));
  CHECK(second.isApprox(y.bottomRows(1), 1e-10));
}
