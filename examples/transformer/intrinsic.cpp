// SPDX-License-Identifier: Apache-2.0
#include "transformer/intrinsic.hpp"

#include <pst/any/linear_of.hpp>
#include <pst/any/policies/selector_choice.hpp>
#include <pst/backend/eigen_cpu.hpp>
#include <pst/delta/projected.hpp>
#include <pst/importance/magnitude.hpp>
#include <pst/layer/sparse_linear.hpp>
#include <pst/schedule/constant_schedule.hpp>
#include <pst/straight_through/masked_gradient.hpp>

namespace transformer {

namespace {

using Update = pst::Projected<pst::EigenCpu, float>;
using ProjectedLayer =
    pst::SparseLinear<float, pst::Magnitude, Update, pst::SelectorChoice, pst::ConstantSchedule, pst::MaskedGradient>;

}  // namespace

struct IntrinsicLayers::Vector {
  pst::EigenCpu on;
  pst::IntrinsicVector<pst::EigenCpu, float> numbers;

  explicit Vector(const IntrinsicDimension& dimension) : numbers{on, dimension.size, dimension.seed} {}
};

IntrinsicLayers::IntrinsicLayers(const IntrinsicDimension& dimension)
    : dimension_{dimension}, vector_{std::make_unique<Vector>(dimension)} {}
IntrinsicLayers::~IntrinsicLayers() = default;

pst::AnyLinear<float> IntrinsicLayers::make(const std::string& name, pst::Shape shape, bool keeps_zeros) {
  ProjectedLayer::Options options{.delta = {&vector_->numbers, dimension_.scaled},
                                  .selector = {pst::KeepAll{}},
                                  .schedule = {.sparsity = 0.0},
                                  .name = name};
  if (keeps_zeros) options.selector = {pst::KeepNonZeros{}};
  return pst::AnyLinear<float>{
      std::make_unique<pst::LinearOf<ProjectedLayer>>(ProjectedLayer{shape, std::move(options), vector_->on})};
}

void IntrinsicLayers::check() { vector_->numbers.check(vector_->on); }
pst::Parameter<float> IntrinsicLayers::parameter() { return vector_->numbers.shared().parameter(); }

}  // namespace transformer
