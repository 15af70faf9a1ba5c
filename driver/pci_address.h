// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The addresses of PCI functions, as people and sysfs write them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace penstock::driver {

struct PciAddress {
  uint32_t domain = 0;
  uint32_t bus_device_function = 0;  // bus << 8 | device << 3 | function

  /// "0000:41:00.0", the name of the function's folder in sysfs.
  std::string ToString() const;
};

/// Of domain:bus:device.function, or without the domain for domain 0. Errors: InvalidArgument.
absl::StatusOr<PciAddress> ParsePciAddress(const std::string& text);

}  // namespace penstock::driver
