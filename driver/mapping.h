// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mapping what a device's driver hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "penstock/device_memory.h"

namespace penstock::driver {

/// Unmaps it at the end. Null, with errno set, on failure.
std::shared_ptr<void> MapShared(int fd, size_t bytes, uint64_t offset_bytes = 0);

/// What MapShared has mapped.
DeviceMemory MappedMemory(std::shared_ptr<void> owner, size_t bytes, std::string name);

}  // namespace penstock::driver
