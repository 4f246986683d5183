// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "pst/adapter/bottleneck.hpp"
#include "pst/adapter/own_parameter.hpp"
#include "pst/concepts/prompt.hpp"
#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

namespace functors {
struct Tanh {
  template <class T>
  PST_HD T operator()(T value) const {
    return static_cast<T>(std::tanh(static_cast<double>(value)));
  }
};
/// grad * (1 - tanh^2), from the tanh.
struct TanhBack {
  template <class T>
  PST_HD T operator()(T grad, T tanh) const {
    return grad * (T{1} - tanh * tanh);
  }
};
}  // namespace functors

/// P = tanh(E W1^T + c1) W2^T + c2, from l embeddings E of `embedding` features, over `hidden` (Li and Liang, 2021):
/// trains many more numbers than it leaves, l embedding + hidden (embedding + 1) + features (hidden + 1), for a network
/// in front of the vectors makes them learn at rates as other methods have. `fold()` of the virtual tokens keeps the
/// vectors alone.
/// @ingroup prompt
struct Mlp {
  using role = roles::reparameterisation;
  index_t embedding = 64;
  index_t hidden = 512;

  template <class B, class Scalar>
  class State {
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;
    using Own = OwnParameter<B, Scalar>;

   public:
    State(const Mlp& mlp, B& on, Shape shape, std::string name, std::uint64_t seed)
        : embeddings_{name + ".embeddings", ParameterGroup::delta, shape.out, positive(mlp)},
          first_{name + ".first", ParameterGroup::delta, mlp.hidden, mlp.embedding},
          first_bias_{name + ".first_bias", ParameterGroup::bias, 1, mlp.hidden},
          second_{name + ".second", ParameterGroup::delta, shape.in, mlp.hidden},
          second_bias_{name + ".second_bias", ParameterGroup::bias, 1, shape.in},
          active_(shape.out, mlp.hidden),
          grad_(shape.out, mlp.hidden) {
      on.generate(embeddings_.value(), NormalMatrix{NormalAt{derive_seed(seed, 'E')}, mlp.embedding});
      draw(on, first_, derive_seed(seed, '1')), draw(on, second_, derive_seed(seed, '2'));
    }

    void compute(B& on, MutableView out) {
      const MutableView active = active_.view();
      on.generate(active, functors::repeat_row(read(first_bias_)));
      on.gemm_nt(1.0, read(embeddings_), read(first_), active);
      on.map(active, functors::Tanh{}, ConstView{active});
      detail::for_each_adapter_block(on, out.cols, [&](index_t begin, index_t count) {
        const MutableView part = out.middle_cols(begin, count);
        on.generate(part, functors::repeat_row(read(second_bias_).middle_cols(begin, count)));
        on.gemm_nt(1.0, ConstView{active}, read(second_).middle_rows(begin, count), part);
      });
    }
    void backward(B& on, ConstView grad) {
      const MutableView back = grad_.view();
      const ConstView active = active_.view();
      on.fill(back, Scalar{0});
      on.gemm(1.0, grad, read(second_), back);
      detail::for_each_adapter_block(on, grad.cols, [&](index_t begin, index_t count) {
        const ConstView part = grad.middle_cols(begin, count);
        on.gemm_tn(1.0, part, active, second_.grad().middle_rows(begin, count));
        on.column_sums(1.0, part, second_bias_.grad().middle_cols(begin, count));
      });
      on.map(back, functors::TanhBack{}, ConstView{back}, active);
      on.gemm_tn(1.0, ConstView{back}, read(embeddings_), first_.grad());
      on.column_sums(1.0, ConstView{back}, first_bias_.grad());
      on.gemm(1.0, ConstView{back}, read(first_), embeddings_.grad());
    }
    void for_each_parameter(auto&& visit) {
      for (Own* each : {&embeddings_, &first_, &first_bias_, &second_, &second_bias_}) visit(each->parameter());
    }
    void zero_gradients(B& on) {
      for (Own* each : {&embeddings_, &first_, &first_bias_, &second_, &second_bias_}) on.fill(each->grad(), Scalar{0});
    }
    [[nodiscard]] index_t parameters() const {
      return embeddings_.size() + first_.size() + first_bias_.size() + second_.size() + second_bias_.size();
    }

   private:
    [[nodiscard]] static index_t positive(const Mlp& mlp) {
      require(mlp.embedding > 0 && mlp.hidden > 0, "virtual tokens come from embeddings of ", mlp.embedding,
              " features over ", mlp.hidden, " hidden ones, expected at least 1 of both");
      return mlp.embedding;
    }
    [[nodiscard]] static ConstView read(const Own& parameter) { return parameter.value(); }
    /// As torch begins a linear layer: U(-1/sqrt(in), 1/sqrt(in)).
    static void draw(B& on, Own& parameter, std::uint64_t seed) {
      const MutableView value = parameter.value();
      on.generate(value, UniformMatrix{seed, value.cols, 1.0 / std::sqrt(static_cast<double>(value.cols))});
    }

    Own embeddings_, first_, first_bias_, second_, second_bias_;
    Matrix<B, Scalar> active_, grad_;
  };
};

}  // namespace pst::PST_ABI
