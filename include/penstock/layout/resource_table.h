// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table that gives LOAD_MISS its resources. It lives in device memory; the host fills it before the kernel starts.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

/// One resource: where its bytes are, and where they go.
struct ResourceRow {
  u64 offset_bytes;        // within the source
  u32 length_bytes;        // 0: there is no such resource
  u32 source_handle;       // of the I/O service
  u32 destination_handle;  // of the I/O service
  u32 reserved;            // 0
};
static_assert(sizeof(ResourceRow) == 24);

}  // namespace penstock::layout
