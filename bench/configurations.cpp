// SPDX-License-Identifier: Apache-2.0
// Training steps of many compositions of policies, each beside full fine-tuning of a dense layer in Eigen.
#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <regex>
#include <string>
#include <type_traits>
#include <typeinfo>

#include "in_turns.hpp"

#include <pst/pst.hpp>

namespace {

template <class... Layers>
struct List {};

// ---- what is measured: the default, and what differs from it in one axis or makes a method of its own
using Pst = pst::SparseLinear<>::with<pst::ConstantSchedule>;
using OnlyRowsAndColumns = pst::Sum<pst::Magnitude, pst::RowColumnScore>;
using OnlyLowRank = pst::Sum<pst::Magnitude, pst::LowRankScore<>>;
using Weighted = pst::Sum<pst::Wanda, pst::LowRankScore<>, pst::RowColumnScore>;

using Measured = List<  // importance
    Pst, Pst::with<pst::Rank<4>>, Pst::with<pst::Rank<16>>, Pst::with<OnlyRowsAndColumns>, Pst::with<OnlyLowRank>,
    Pst::with<pst::Magnitude>, Pst::with<Weighted>, Pst::with<pst::Movement>,
    // delta
    Pst::with<pst::Frozen>, Pst::with<pst::Full>,
    // selector
    Pst::with<pst::PerRow>, Pst::with<pst::NofM<2, 4>>, Pst::with<pst::Block<4, 4>>, Pst::with<pst::Block<1, 8>>,
    Pst::with<pst::Rows>, Pst::with<pst::Columns>,
    // methods
    Pst::with<pst::Magnitude>::with<pst::Full>, Pst::with<pst::Movement>::with<pst::Full>,
    Pst::with<pst::Magnitude>::with<pst::Full>::with<pst::NofM<2, 4>>,
    Pst::with<OnlyRowsAndColumns>::with<pst::Frozen>::with<pst::PerRow>,
    // kept weights that train themselves, once a mask rests
    pst::KeptLinear<>>;

// ---- delta tuning: biases alone, LoRA, LoRA whose weight is sparse and stays so, DoRA
using Lora = pst::Unpruned<>;
using DeltaTuned = List<Lora::with<pst::Frozen>::with<pst::TrainedBias>, Lora, Lora::with<pst::KeepNonZeros>,
                        Lora::with<pst::RowScaled<>>>;

// ---- names
/// A type as it is written in code, without namespaces and with the numbers of ranks alone.
template <class T>
std::string name_of() {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text{
      abi::__cxa_demangle(typeid(T).name(), nullptr, nullptr, &status), &std::free};
  std::string name = status == 0 ? text.get() : typeid(T).name();
  name = std::regex_replace(name, std::regex{"pst::(v[0-9_]+::)?(isa_[0-9a-z]+::)?| "}, "");
  name = std::regex_replace(name, std::regex{"([0-9])l"}, "$1");
  name = std::regex_replace(name, std::regex{"<Rank<([0-9]+)>,NormalStart>"}, "<$1>");
  return std::regex_replace(name, std::regex{"Sum<Magnitude,LowRankScore<([0-9]+)>,RowColumnScore>"}, "Pst<$1>");
}

/// "Pst<8>/TopK/LowRank<8>".
template <class Scalar, class Importance, class Delta, class Selector, class... Others>
std::string name_of(const pst::SparseLinear<Scalar, Importance, Delta, Selector, Others...>*) {
  return name_of<Importance>() + '/' + name_of<Selector>() + '/' + name_of<Delta>();
}

std::string name_of(const pst::KeptLinear<>*) { return "KeptLinear"; }

// ---- one of them
/// A layer on a weight that it does not prune, and a bias; the one that keeps non-zeros finds as many as the benchmark
/// says.
template <class Layer>
Layer tuned_on(bench::EigenMatrix& weight, bench::EigenMatrix& bias, const bench::Size& size) {
  if constexpr (std::is_same_v<Layer, Lora::with<pst::KeepNonZeros>>) {
    pst::SparseLinear<>::with<pst::Magnitude>::with<pst::Frozen>::with<pst::ConstantSchedule> pruned{
        size.shape, {.schedule = {size.sparsity()}}};
    bench::EigenMatrix all = weight;
    pruned.attach(bench::view(all));
    pruned.begin_step(1, 1);
    pruned.export_masked(bench::view(weight));
  }
  Layer layer{size.shape};
  layer.attach(bench::view(weight), bench::view(bias));
  bench::leave_zero(layer);
  return layer;
}
/// A layer on a weight, at the sparsity of its benchmark.
template <class Layer>
Layer made_on(bench::EigenMatrix& weight, bench::EigenMatrix& bias, const bench::Size& size) {
  if constexpr (std::is_same_v<Layer, pst::KeptLinear<>>) {
    auto masked = made_on<Pst>(weight, bias, size);
    masked.begin_step(1, 1);
    Layer layer{size.shape};
    layer.attach(masked.mask());
    layer.fill(bench::view(weight));
    return layer;
  } else if constexpr (requires(typename Layer::Options options) { options.schedule.sparsity; }) {
    Layer layer{size.shape, {.schedule = {size.sparsity()}}};
    layer.attach(bench::view(weight));
    bench::leave_zero(layer);
    return layer;
  } else {
    return tuned_on<Layer>(weight, bias, size);
  }
}

template <class Layer>
class Step {
 public:
  explicit Step(const bench::Size& size)
      : x_{bench::normal(size.tokens, size.shape.in, 1)},
        grad_y_{bench::normal(size.tokens, size.shape.out, 2)},
        weight_{0.05F * bench::normal(size.shape.out, size.shape.in, 3)},
        bias_{bench::EigenMatrix::Zero(1, size.shape.out)},
        y_{size.tokens, size.shape.out},
        grad_x_{size.tokens, size.shape.in},
        grad_weight_{size.shape.out, size.shape.in},
        layer_{made_on<Layer>(weight_, bias_, size)} {}
  [[nodiscard]] pst::MaskReport report() { return layer_.report(); }

  void nudge() { bench::nudge(layer_, ++nudges_); }
  void begin_step() {
    if constexpr (std::is_same_v<Layer, pst::KeptLinear<>>)
      layer_.begin_step();
    else
      layer_.begin_step(1, 1);
  }
  void forward() { layer_.forward(bench::view(x_), bench::view(y_)); }
  void backward() { layer_.backward(bench::view(x_), bench::view(grad_y_), bench::view(grad_x_)); }
  void dense_forward() { y_.noalias() = x_ * weight_.transpose(); }
  void dense_backward() {
    grad_x_.noalias() = grad_y_ * weight_;
    grad_weight_.noalias() = grad_y_.transpose() * x_;
  }

 private:
  const bench::EigenMatrix &x_, &grad_y_;
  bench::EigenMatrix weight_, bias_, y_, grad_x_, grad_weight_;
  Layer layer_;
  std::uint64_t nudges_ = 0;
};

/// Time is that of the whole step; the counters are milliseconds of its parts and of the dense ones.
template <class Layer>
void whole_step(benchmark::State& state) {
  Step<Layer> step{bench::Size{state}};
  double begin_step = 0, forward = 0, backward = 0, dense_forward = 0, dense_backward = 0;
  const auto all = [&] {
    step.nudge();
    begin_step += bench::seconds([&] { step.begin_step(); });
    forward += bench::seconds([&] { step.forward(); });
    backward += bench::seconds([&] { step.backward(); });
    dense_forward += bench::seconds([&] { step.dense_forward(); });
    dense_backward += bench::seconds([&] { step.dense_backward(); });
  };
  all();  // caches, page tables and clock rates warm up
  begin_step = forward = backward = dense_forward = dense_backward = 0;
  for (auto _ : state) {
    const double before = begin_step + forward + backward;
    all();
    state.SetIterationTime(begin_step + forward + backward - before);
  }
  const auto in_ms = [&](double seconds) { return 1e3 * seconds / static_cast<double>(state.iterations()); };
  const double dense = dense_forward + dense_backward;
  const pst::MaskReport report = step.report();
  state.counters["begin_step_ms"] = in_ms(begin_step);
  state.counters["forward_ms"] = in_ms(forward);
  state.counters["backward_ms"] = in_ms(backward);
  state.counters["dense_forward_ms"] = in_ms(dense_forward);
  state.counters["dense_backward_ms"] = in_ms(dense_backward);
  state.counters["dense_ms"] = in_ms(dense);
  state.counters["speedup"] = dense / (begin_step + forward + backward);
  state.counters["kept_percent"] = 100 * (1 - report.achieved_sparsity());
  state.counters["bytes_per_weight"] =
      static_cast<double>(report.training_bytes) / static_cast<double>(report.shape.size());
}

template <class... Layers>
bool add_all(List<Layers...>, void (*sizes)(benchmark::internal::Benchmark*)) {
  const auto add = [sizes](const std::string& name, auto* run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->Apply(sizes);
  };
  (add(name_of(static_cast<const Layers*>(nullptr)), whole_step<Layers>), ...);
  return true;
}
[[maybe_unused]] const bool added =
    add_all(Measured{}, bench::steps_and_more) && add_all(DeltaTuned{}, bench::long_steps);

}  // namespace
