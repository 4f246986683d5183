// SPDX-License-Identifier: Apache-2.0
// A sparse matrix whose weights are stored as integers.
// expect: StoredNumber
#include "pst/pst.hpp"

#ifdef PST_EXPECT_ERROR
pst::SparseMatrix<float, int>* matrix = nullptr;
#else
pst::SparseMatrix<float, pst::Half>* matrix = nullptr;
#endif
