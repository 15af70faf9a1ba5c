// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where threads run and memory comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace penstock::bench {

/// Processors of a node. Errors: NotFound.
absl::StatusOr<std::vector<uint32_t>> CpusOfNode(uint32_t node);

/// Lets the calling thread run on these alone; does nothing for none. Errors: InvalidArgument.
absl::Status RunOn(absl::Span<const uint32_t> cpus);

/// While it lives, memory that the calling thread faults in comes from one node. Does nothing for none, and where the kernel has
/// no nodes.
class ScopedMemoryNode {
 public:
  explicit ScopedMemoryNode(std::optional<uint32_t> node);
  ~ScopedMemoryNode();
  ScopedMemoryNode(const ScopedMemoryNode&) = delete;
  ScopedMemoryNode& operator=(const ScopedMemoryNode&) = delete;

 private:
  bool bound_ = false;
};

}  // namespace penstock::bench
