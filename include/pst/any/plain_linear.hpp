// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pst/any/linear_interface.hpp"
#include "pst/core/error.hpp"
#include "pst/core/tensor_bytes.hpp"

namespace pst::PST_ABI {

/// A layer of one's own that has no mask: what LinearInterface asks for besides parameters, products and state is
/// there. Derive from it to put another kind of layer beside those of the library.
/// @ingroup any
template <class Scalar>
class PlainLinear : public LinearInterface<Scalar> {
  using Interface = LinearInterface<Scalar>;

 public:
  using typename Interface::MutableView;

  /// There is nothing to refresh.
  void refresh(double) override {}
  void begin_step(index_t, index_t) override { this->zero_gradients(); }
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_step(index_t step, index_t steps) override {
    return std::make_unique<Step>([this, step, steps] { this->begin_step(step, steps); });
  }
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_refresh(double progress) override {
    return std::make_unique<Step>([this, progress] { this->refresh(progress); });
  }

  [[nodiscard]] double sparsity() const override { return 0.0; }
  [[nodiscard]] index_t kept() const override { return this->shape().size(); }
  /// No words.
  [[nodiscard]] MaskView<const mask_word> mask() const override {
    return {nullptr, this->shape().out, this->shape().in};
  }
  [[nodiscard]] std::uint64_t generation() const override { return 0; }
  void set_mask(MaskView<const mask_word>) override { fail("layer ", this->name(), " takes no mask"); }
  [[nodiscard]] MaskReport report() override {
    MaskReport made;
    made.name = this->name(), made.shape = this->shape(), made.kept = kept();
    made.trainable = this->layout().size;
    made.dense_bytes = static_cast<std::size_t>(made.shape.size()) * sizeof(Scalar);
    made.compressed_bytes = made.dense_bytes;
    return made;
  }
  [[nodiscard]] CsrMatrix<Scalar> export_csr() override {
    const std::vector<Scalar> dense = dense_weight();
    return to_csr(this->shape().out, this->shape().in, std::span<const Scalar>{dense});
  }
  [[nodiscard]] BitmaskMatrix<Scalar> export_bitmask() override {
    const std::vector<Scalar> dense = dense_weight();
    return to_bitmask(this->shape().out, this->shape().in, std::span<const Scalar>{dense});
  }
  [[nodiscard]] std::unique_ptr<Interface> clone() override { fail("layer ", this->name(), " cannot be cloned"); }
  [[nodiscard]] std::unique_ptr<Interface> clone(const SharedCpu&) override { return clone(); }
  [[nodiscard]] std::vector<std::byte> save_bytes() override { return to_bytes(this->save()); }
  void restore_bytes(std::span<const std::byte> bytes) override { this->restore(from_bytes(bytes)); }

 private:
  /// A step in which nothing is ranked.
  class Step final : public PendingStep<Scalar> {
   public:
    explicit Step(std::function<void()> take) : take_{std::move(take)} {}
    void rank(std::span<PendingStep<Scalar>* const>) override {}
    void take() override { take_(); }

   private:
    std::function<void()> take_;
  };

  [[nodiscard]] std::vector<Scalar> dense_weight() {
    std::vector<Scalar> dense(static_cast<std::size_t>(this->shape().size()));
    this->export_masked(MutableView{dense.data(), this->shape().out, this->shape().in});
    return dense;
  }
};

}  // namespace pst::PST_ABI
