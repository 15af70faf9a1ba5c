// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who uses a device or file without having claimed it, as far as the kernel tells. What is mounted, swapped to or part of another
// device has been claimed: opening with O_EXCL tells that.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace penstock::driver {

/// OK: the block device `number` may be written as far as the kernel tells. Otherwise, or if that cannot be told,
/// FailedPrecondition: it, a partition of it or the whole of which it is a part is write-protected; a loop device lies on one of
/// these (loop devices claim nothing); or it is an NVMe namespace to which a second block device leads (two controllers without
/// multipath), whose users are not known here. `name` is for the text. Threads: any.
absl::Status CheckDeviceUnused(dev_t number, const std::string& name, const std::string& sys = "/sys");

/// Names the file system of an open file if the kernel makes up its files as they are read ("procfs"); null for any other.
/// Threads: any.
const char* KernelFileSystemOf(int fd);

/// The same as CheckDeviceUnused for the regular file at `path`: a loop device lies on it, or it is no file of bytes but a door
/// into the kernel (/proc, /sys and the like), where writing does something. Loop devices whose files have no name here are not
/// seen.
absl::Status CheckFileUnused(const std::string& path, const std::string& sys = "/sys");

}  // namespace penstock::driver
