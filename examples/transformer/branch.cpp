// SPDX-License-Identifier: Apache-2.0
#include "transformer/branch.hpp"

#include <pst/backend/eigen_cpu.hpp>

#include <concepts>

namespace transformer {

namespace {

template <class Scalar, class Policy>
class BranchOf : public Branch<Scalar>::Interface {
  using State = typename Policy::template State<pst::EigenCpu, Scalar>;
  using Kept = typename Branch<Scalar>::Kept;
  struct KeptOf : Kept {
    typename State::Tape tape;
  };

 public:
  BranchOf(const Policy& policy, index_t features, const std::string& name, std::uint64_t seed, pst::EigenCpu on,
           const pst::Parameter<Scalar>& shared)
      : on_{std::move(on)}, state_{make(policy, on_, features, name, seed, shared)} {}

  std::unique_ptr<Kept> make_kept() const override { return std::make_unique<KeptOf>(); }
  void forward(pst::MatrixView<const Scalar> x, pst::MatrixView<Scalar> y, Kept& kept) override {
    const auto in_use = on_.use();
    state_.forward(on_, x, y, static_cast<KeptOf&>(kept).tape);
  }
  void backward(pst::MatrixView<const Scalar> x, Kept& kept, pst::MatrixView<const Scalar> grad_y,
                pst::MatrixView<Scalar> grad_x) override {
    const auto in_use = on_.use();
    state_.backward(on_, x, static_cast<KeptOf&>(kept).tape, grad_y, grad_x);
  }
  void zero_gradients() override {
    const auto in_use = on_.use();
    state_.zero_gradients(on_);
  }
  std::vector<pst::Parameter<Scalar>> parameters() override {
    std::vector<pst::Parameter<Scalar>> list;
    state_.for_each_parameter([&](const pst::Parameter<Scalar>& each) { list.push_back(each); });
    return list;
  }

 private:
  static State make(const Policy& policy, pst::EigenCpu& on, index_t features, const std::string& name,
                    std::uint64_t seed, const pst::Parameter<Scalar>& shared) {
    constexpr bool can_share = std::constructible_from<State, const Policy&, pst::EigenCpu&, index_t, std::string,
                                                       std::uint64_t, pst::Parameter<Scalar>>;
    if constexpr (can_share)
      return State{policy, on, features, name, seed, shared};
    else
      return State{policy, on, features, name, seed};
  }

  pst::EigenCpu on_;
  State state_;
};

pst::EigenCpu cpu_of(const pst::SharedCpu& on) {
  return on.backend_or<pst::EigenCpu>([] { return pst::EigenCpu{}; });
}

}  // namespace

template <class Scalar>
Branch<Scalar>::Branch(const Policy& policy, index_t features, const std::string& name, std::uint64_t seed,
                       const pst::SharedCpu& on, const pst::Parameter<Scalar>& shared) {
  const pst::EigenCpu cpu = cpu_of(on);
  std::visit(
      [&]<class Chosen>(const Chosen& chosen) {
        branch_ = std::make_unique<BranchOf<Scalar, Chosen>>(chosen, features, name, seed, cpu, shared);
      },
      policy);
}

template <class Scalar>
pst::Parameter<Scalar> SharedRule<Scalar>::shared_by(const typename Branch<Scalar>::Policy& policy, std::uint64_t seed,
                                                     const pst::SharedCpu& on) {
  const auto* const kronecker = std::get_if<KroneckerBottleneck>(&policy);
  if (kronecker == nullptr || !kronecker->projection.shares_rule) return {};
  if (!rule_) {
    const index_t parts = kronecker->projection.parts;
    rule_ = std::make_shared<pst::SharedParameter<pst::EigenCpu, Scalar>>("adapter.rule", pst::ParameterGroup::delta,
                                                                          parts * parts, parts);
    pst::EigenCpu cpu = cpu_of(on);
    const auto in_use = cpu.use();
    pst::draw_rule(cpu, rule_->value(), kronecker->projection.rule_deviation, pst::derive_seed(seed, "adapter.rule"));
  }
  return rule_->parameter();
}

template <class Scalar>
pst::Parameter<Scalar> SharedRule<Scalar>::parameter() const {
  return rule_ ? rule_->parameter() : pst::Parameter<Scalar>{};
}

template class Branch<float>;
template class Branch<double>;
template class SharedRule<float>;
template class SharedRule<double>;

}  // namespace transformer
