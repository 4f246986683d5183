// SPDX-License-Identifier: Apache-2.0
#include "transformer/branch.hpp"

#include <pst/backend/eigen_cpu.hpp>

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
  BranchOf(const Policy& policy, index_t features, const std::string& name, std::uint64_t seed, pst::EigenCpu on)
      : on_{std::move(on)}, state_{policy, on_, features, name, seed} {}

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
  pst::EigenCpu on_;
  State state_;
};

}  // namespace

template <class Scalar>
Branch<Scalar>::Branch(const Policy& policy, index_t features, const std::string& name, std::uint64_t seed,
                       const pst::SharedCpu& on) {
  const pst::EigenCpu cpu = on.backend_or<pst::EigenCpu>([] { return pst::EigenCpu{}; });
  std::visit(
      [&]<class Chosen>(const Chosen& chosen) {
        branch_ = std::make_unique<BranchOf<Scalar, Chosen>>(chosen, features, name, seed, cpu);
      },
      policy);
}

template class Branch<float>;
template class Branch<double>;

}  // namespace transformer
