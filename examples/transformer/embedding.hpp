// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>

#include <cstdint>
#include <span>

#include "transformer/matrix.hpp"

namespace transformer {

/// y[r] = table[id[r]]: the words of a language model.
template <class Scalar>
struct TokenEmbedding {
  Trained<Scalar> table;

  TokenEmbedding(const std::string& name, index_t vocabulary, index_t width) : table{name, vocabulary, width} {}

  void forward(std::span<const int> ids, Matrix<Scalar>& y) const {
    y.resize(static_cast<index_t>(ids.size()), table.value.cols());
    for (index_t row = 0; row < y.rows(); ++row) y.row(row) = table.value.row(checked(ids, row));
  }
  void backward(std::span<const int> ids, const Matrix<Scalar>& grad_y) {
    for (index_t row = 0; row < grad_y.rows(); ++row) table.grad.row(checked(ids, row)) += grad_y.row(row);
  }
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    visit(table.parameter());
  }

 private:
  [[nodiscard]] index_t checked(std::span<const int> ids, index_t row) const {
    const int id = ids[static_cast<std::size_t>(row)];
    pst::require(id >= 0 && id < table.value.rows(), "token ", row, " has id ", id, ", expected 0 to ",
                 table.value.rows() - 1, " for ", table.name);
    return id;
  }
};

/// y[r] += table[r mod tokens]: where in its sequence a token stands.
template <class Scalar>
struct PositionEmbedding {
  Trained<Scalar> table;

  PositionEmbedding(const std::string& name, index_t tokens, index_t width) : table{name, tokens, width} {}

  void forward(Matrix<Scalar>& y, index_t tokens) const {
    pst::require(tokens <= table.value.rows(), table.name, " has ", table.value.rows(), " positions, the sequence has ",
                 tokens);
    for (index_t first = 0; first < y.rows(); first += tokens)
      y.middleRows(first, tokens) += table.value.topRows(tokens);
  }
  void backward(const Matrix<Scalar>& grad_y, index_t tokens) {
    for (index_t first = 0; first < grad_y.rows(); first += tokens)
      table.grad.topRows(tokens) += grad_y.middleRows(first, tokens);
  }
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    visit(table.parameter());
  }
};

/// y[r] = patch[r] P + b, or one learnt vector where the patch is hidden from the model.
template <class Scalar>
struct PatchEmbedding {
  Trained<Scalar> projection, bias, hidden;

  PatchEmbedding(const std::string& name, index_t pixels, index_t width)
      : projection{name + ".projection", pixels, width},
        bias{name + ".bias", 1, width, 0, pst::ParameterGroup::bias},
        hidden{name + ".hidden", 1, width} {}

  /// `is_hidden` has one entry per patch, or none when every patch is seen.
  void forward(const Matrix<Scalar>& patches, std::span<const std::uint8_t> is_hidden, Matrix<Scalar>& y) const {
    y.noalias() = patches * projection.value;
    y.rowwise() += bias.value.row(0);
    for (std::size_t row = 0; row < is_hidden.size(); ++row)
      if (is_hidden[row] != 0) y.row(static_cast<index_t>(row)) = hidden.value;
  }
  /// Pixels do not train, so there is no gradient of the input.
  void backward(const Matrix<Scalar>& patches, std::span<const std::uint8_t> is_hidden, Matrix<Scalar> grad_y) {
    for (std::size_t row = 0; row < is_hidden.size(); ++row) {
      if (is_hidden[row] == 0) continue;
      hidden.grad += grad_y.row(static_cast<index_t>(row));
      grad_y.row(static_cast<index_t>(row)).setZero();
    }
    projection.grad.noalias() += patches.transpose() * grad_y;
    bias.grad += grad_y.colwise().sum();
  }
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    visit(projection.parameter());
    visit(bias.parameter());
    visit(hidden.parameter());
  }
};

}  // namespace transformer
