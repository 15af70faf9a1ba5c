// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The main job the other way round: the kernel fetches the bytes by itself, and the host only serves its requests.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/device.h"
#include "penstock/export.h"
#include "penstock/ingest.h"
#include "penstock/operation.h"

namespace PENSTOCK_API penstock {

/// Gives the kernel a list of all extents of the sources, a chunk each, and 2 x options.depth slots that pull them
/// (layout/pull_list.h): each asks the host's I/O service for the next extent, looks at it when it has landed, and goes on.
/// options.depth is of the reads in flight, for all sources together; the other slots' chunks are in the kernel's hands, or wait
/// for room. 2 x depth x chunk_bytes of memory. Sources are read in the order given, each in the order of its bytes or a random
/// one; results are put together in the order of the bytes.
///
/// All sources are open at once, of which there may be layout::kMaxBuffers, and as many as the limit of descriptors has room for.
///
/// Of the options all mean what they mean for Ingest, but: an offset has to be one that the path can begin at (a multiple of 4
/// KiB always is). Of the operations those that make nothing, or a CRC-32C, of a chunk are possible.
///
/// Requires: device is not running, has DeviceOptions::io_queues for 2 x depth requests, 64 each, and was not used for another
/// run; its user word 0 is free to use. Its slot_limit is better twice options.read_timeout or more: a read that the kernel gives
/// up before the host does ends the slot that pulled it. Errors: of the set-up (InvalidArgument, ResourceExhausted,
/// FailedPrecondition for a device without I/O queues); once reading has begun a report is returned, with the error in it.
/// Threads: any, one at a time.
absl::StatusOr<IngestReport> Pull(Device& device, absl::Span<const std::string> sources, const Operation& operation,
                                  const IngestOptions& options);

}  // namespace penstock
