// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel is told of how a transfer ended.
#pragma once

#include "absl/status/status.h"
#include "penstock/layout/live_io.h"

namespace penstock {

/// The cause that stands for an error of the driver (Reader, ReadQueue). OK is kNone.
layout::IoCause IoCauseOf(const absl::Status& status);

}  // namespace penstock
