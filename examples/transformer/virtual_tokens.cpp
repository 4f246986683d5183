// SPDX-License-Identifier: Apache-2.0
#include "transformer/virtual_tokens.hpp"

#include <pst/backend/eigen_cpu.hpp>
#include <pst/prompt/virtual_tokens.hpp>

namespace transformer {

namespace {

template <class Scalar, class Policy>
class VirtualTokensOf : public VirtualTokens<Scalar>::Interface {
 public:
  VirtualTokensOf(const Policy& policy, index_t count, index_t features, const std::string& name, std::uint64_t seed,
                  pst::EigenCpu on)
      : on_{std::move(on)}, tokens_{policy, on_, count, features, name, seed} {}

  void compute() override {
    const auto in_use = on_.use();
    tokens_.compute(on_);
  }
  pst::MatrixView<const Scalar> vectors() const override { return tokens_.vectors(); }
  pst::MatrixView<Scalar> grad() override { return tokens_.grad(); }
  void backward() override {
    const auto in_use = on_.use();
    tokens_.backward(on_);
  }
  void zero_gradients() override {
    const auto in_use = on_.use();
    tokens_.zero_gradients(on_);
  }
  std::vector<pst::Parameter<Scalar>> parameters() override {
    std::vector<pst::Parameter<Scalar>> list;
    tokens_.for_each_parameter([&](const pst::Parameter<Scalar>& each) { list.push_back(each); });
    return list;
  }

 private:
  pst::EigenCpu on_;
  pst::VirtualTokens<pst::EigenCpu, Scalar, Policy> tokens_;
};

}  // namespace

template <class Scalar>
VirtualTokens<Scalar>::VirtualTokens(const Policy& policy, index_t count, index_t features, const std::string& name,
                                     std::uint64_t seed, const pst::SharedCpu& on) {
  const pst::EigenCpu cpu = on.backend_or<pst::EigenCpu>([] { return pst::EigenCpu{}; });
  std::visit(
      [&]<class Chosen>(const Chosen& chosen) {
        tokens_ = std::make_unique<VirtualTokensOf<Scalar, Chosen>>(chosen, count, features, name, seed, cpu);
      },
      policy);
}

template class VirtualTokens<float>;

}  // namespace transformer
