// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows of the handle tables, from what an application registers. Pure: nothing is opened or kept.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "penstock/io_service.h"
#include "runtime/io_tables.h"

namespace penstock {

/// A row without routes. Errors: InvalidArgument (neither right), OutOfRange (past the volume's end).
absl::StatusOr<IoSource> MakeIoSource(const Volume& volume, const IoSourceExtent& extent);

/// The extent begins and ends where every route of it can. Errors: InvalidArgument.
absl::Status CheckAlignment(const IoSource& source);

/// Errors: InvalidArgument (pieces outside the pool, or across its buffers).
absl::StatusOr<std::vector<IoDestination>> MakeIoDestinations(const BufferPool& pool, const IoDestinations& pieces);

}  // namespace penstock
