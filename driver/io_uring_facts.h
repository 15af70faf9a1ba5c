// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What io_uring can do here, found by trying.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "penstock/host_facts.h"

namespace penstock::driver {

/// Sets up small rings and takes them down again. `disabled_sysctl` explains a refusal. Threads: any.
IoUringFacts ProbeIoUring(std::optional<uint32_t> disabled_sysctl);

/// Why io_uring_setup ended with `error_number`.
absl::Status IoUringRefusal(int error_number, std::optional<uint32_t> disabled_sysctl);

}  // namespace penstock::driver
