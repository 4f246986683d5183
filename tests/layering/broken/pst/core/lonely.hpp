// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wrong on purpose: PST_ABI is not known here.
namespace pst::PST_ABI {}
