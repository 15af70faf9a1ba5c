// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an ingest run does with the bytes: which slot each chunk becomes, and how the chunks' results make up a source's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/device.h"
#include "penstock/export.h"
#include "penstock/layout/data_op.h"

namespace PENSTOCK_API penstock {

/// A chunk that has landed.
struct LandedChunk {
  layout::Range range;         // where its bytes are; what a data opcode takes
  uint32_t buffer_index = 0;   // below the number of buffers; no two chunks in flight share one
  uint64_t source_offset = 0;  // bytes from the start of the extent
};

/// What came out of one source. Only the member of the operation that ran is set.
struct OperationResult {
  std::optional<uint32_t> crc32c = std::nullopt;  // of the bytes, if that was the operation
  std::optional<std::array<uint64_t, layout::kHistogramBins>> histogram = std::nullopt;  // of each value of a byte
  std::optional<uint64_t> matches = std::nullopt;                                        // how often patterns matched
  std::optional<uint64_t> first_difference = std::nullopt;  // verify: offset from the extent's start, or layout::kNoDifference
};

/// What the chunks of one source make up. Outlived by its operation. Threads: the pump's.
class SourceFold {
 public:
  virtual ~SourceFold() = default;
  /// Takes a chunk's result; chunks come in the order of their offsets (in any, if the run's is random), every one once. May ask
  /// for one more slot over the same bytes; its result is then folded next.
  virtual std::optional<Work> Fold(const LandedChunk& chunk, uint64_t result) = 0;
  /// Called once, last; after an error with what was folded before it.
  virtual OperationResult End() = 0;
};

/// Several sources may be under way at once, each with a fold of its own. An application's own operation publishes its own
/// opcode in the same way. Threads: the pump's.
class Operation {
 public:
  virtual ~Operation() = default;
  /// A word for reports, e.g. "crc32c".
  virtual std::string_view name() const = 0;
  /// The result is the same in whatever order chunks are folded.
  virtual bool takes_any_order() const { return false; }

  /// Registers with the device what the slots will refer to. Called once, before the device is started. Memory of the operation's
  /// own is to be kept by the device (Device::Keep), which may outlive the operation, and a handler that hangs both.
  virtual absl::Status Prepare(Device& device, uint32_t buffer_count) = 0;

  /// The slot for a chunk of any source. Chunks come in any order here.
  virtual Work MakeWork(const LandedChunk& chunk) const = 0;
  /// The fold of a source that is about to begin.
  virtual std::unique_ptr<SourceFold> BeginSource() const = 0;
};

/// Sends every chunk through the ring and looks at none of its bytes.
std::unique_ptr<Operation> MakeNoOperation();
/// The CRC-32C (RFC 3720) of a source's bytes.
std::unique_ptr<Operation> MakeCrc32cOperation();
/// How often each value of a byte occurs.
std::unique_ptr<Operation> MakeHistogramOperation();
/// Counts matches of literal patterns, as BuildAutomaton does. Errors: InvalidArgument.
absl::StatusOr<std::unique_ptr<Operation>> MakeMatchOperation(absl::Span<const std::string> patterns);
/// Compares a source's extent with `pattern`, repeated from the extent's first byte on. Errors: InvalidArgument for an empty
/// pattern.
absl::StatusOr<std::unique_ptr<Operation>> MakeVerifyOperation(std::string_view pattern);

}  // namespace penstock
