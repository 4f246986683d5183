// SPDX-License-Identifier: Apache-2.0
#include "transformer/encoder.hpp"

namespace transformer {

template struct Attention<float>;
template struct Attention<double>;
template struct Block<float>;
template struct Block<double>;
template struct Encoder<float>;
template struct Encoder<double>;

}  // namespace transformer
