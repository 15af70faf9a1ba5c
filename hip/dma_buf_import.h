// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Taking in memory that others have exported as a dma-buf.
#pragma once

#include "absl/status/statusor.h"
#include "hip/gpu_api.h"

namespace penstock::hip {

/// The first `bytes` of a dma-buf, for the current GPU. `dma_buf` stays the caller's. Errors: Unimplemented: the GPU's library
/// imports none; Unavailable. Threads: any.
absl::StatusOr<ImportedDmaBuf> ImportDmaBuf(int dma_buf, u64 bytes);

}  // namespace penstock::hip
