// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening a file a second time, with O_DIRECT.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/file_descriptor.h"

namespace penstock::driver {

struct DirectFile {
  FileDescriptor fd;
  uint32_t offset_alignment_bytes = 0;  // from statx, or the device's logical block; 4096 where the kernel does not say
  uint32_t memory_alignment_bytes = 0;
};

/// Opens `path`, which is open as `buffered_fd`, for direct I/O with the same access. Errors: FailedPrecondition where the file
/// system has none, or where the name leads elsewhere by now. Threads: any.
absl::StatusOr<DirectFile> OpenDirect(const std::string& path, int buffered_fd);

}  // namespace penstock::driver
