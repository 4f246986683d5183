// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "transformer/attention.hpp"
#include "transformer/gelu.hpp"
#include "transformer/layer_norm.hpp"

namespace transformer {

/// Where layer norm stands.
enum class NormPlace {
  before,  ///< x + f(norm(x)), as in GPT-2
  after    ///< norm(x + f(x)), as in BERT
};

/// The shape of an encoder; every block is the same.
struct EncoderConfig {
  index_t blocks = 4;
  index_t width = 96;
  index_t heads = 4;
  index_t hidden = 192;  ///< width of the feed-forward layer
  NormPlace norm = NormPlace::before;
  GeluForm gelu = GeluForm::exact;
  bool causal = false;
};

/// Attention, then a feed-forward layer, each with layer norm and a way around it.
template <class Linear>
struct Block {
  using Scalar = scalar_of<Linear>;

  /// What backward needs from forward, and its scratch.
  struct Tape {
    typename Attention<Linear>::Tape attention;
    typename LayerNorm<Scalar>::Tape norm1, norm2;
    Matrix<Scalar> attention_in, middle, feed_in, hidden, active;
    Matrix<Scalar> grad, grad_part, grad_hidden;
  };

  Attention<Linear> attention;
  LayerNorm<Scalar> norm1, norm2;
  Projection<Linear> feed_in, feed_out;
  Gelu<Scalar> gelu;
  NormPlace place;

  /// `options(name)` gives the options of the linear layer of that name.
  template <class MakeOptions>
  Block(const std::string& name, const EncoderConfig& config, MakeOptions&& options)
      : attention{.query = {{config.width, config.width}, options(name + ".query")},
                  .key = {{config.width, config.width}, options(name + ".key")},
                  .value = {{config.width, config.width}, options(name + ".value")},
                  .output = {{config.width, config.width}, options(name + ".attention_output")},
                  .heads = config.heads,
                  .causal = config.causal},
        norm1{name + ".norm1", config.width},
        norm2{name + ".norm2", config.width},
        feed_in{{config.width, config.hidden}, options(name + ".feed_in")},
        feed_out{{config.hidden, config.width}, options(name + ".feed_out")},
        gelu{config.gelu},
        place{config.norm} {}

  void forward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Matrix<Scalar>& y) {
    if (place == NormPlace::before) {
      norm1.forward(x, tape.norm1, tape.attention_in);
      attention.forward(tape.attention_in, sequences, tape.attention, tape.middle);
      tape.middle += x;
      norm2.forward(tape.middle, tape.norm2, tape.feed_in);
      feed_forward(tape, y);
      y += tape.middle;
    } else {
      tape.attention_in = x;
      attention.forward(x, sequences, tape.attention, tape.middle);
      tape.middle += x;
      norm1.forward(tape.middle, tape.norm1, tape.feed_in);
      feed_forward(tape, tape.middle);
      tape.middle += tape.feed_in;
      norm2.forward(tape.middle, tape.norm2, y);
    }
  }

  void backward(Sequences sequences, Tape& tape, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    if (place == NormPlace::before) {
      feed_backward(tape, grad_y, tape.grad_part);
      norm2.backward(tape.norm2, tape.grad_part, tape.grad);
      tape.grad += grad_y;
      attention.backward(tape.attention_in, sequences, tape.attention, tape.grad, tape.grad_part);
      norm1.backward(tape.norm1, tape.grad_part, grad_x);
      grad_x += tape.grad;
    } else {
      norm2.backward(tape.norm2, grad_y, tape.grad);
      feed_backward(tape, tape.grad, tape.grad_part);
      tape.grad_part += tape.grad;
      norm1.backward(tape.norm1, tape.grad_part, tape.grad);
      attention.backward(tape.attention_in, sequences, tape.attention, tape.grad, grad_x);
      grad_x += tape.grad;
    }
  }

  /// Calls `visit` with each of the six linear layers.
  template <class Visit>
  void for_each_projection(Visit&& visit) {
    attention.for_each_projection(visit);
    visit(feed_in);
    visit(feed_out);
  }
  /// Calls `visit` with both layer norms.
  template <class Visit>
  void for_each_norm(Visit&& visit) {
    visit(norm1);
    visit(norm2);
  }

 private:
  void feed_forward(Tape& tape, Matrix<Scalar>& y) {
    feed_in.forward(tape.feed_in, tape.hidden);
    gelu.forward(tape.hidden, tape.active);
    feed_out.forward(tape.active, y);
  }
  void feed_backward(Tape& tape, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    feed_out.backward(tape.active, grad_y, tape.grad_hidden);
    gelu.backward(tape.hidden, tape.grad_hidden, tape.grad_hidden);
    feed_in.backward(tape.feed_in, tape.grad_hidden, grad_x);
  }
};

}  // namespace transformer
