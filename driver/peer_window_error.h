// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the errnos of the module penstock_p2p mean, and what to do about each. The one place where they are told.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace penstock::driver {

/// Opening the module's device node failed.
absl::Status WindowNodeError(int error_number, const std::string& node);

/// The module speaks another version of its interface.
absl::Status WindowVersionError(uint32_t version);

/// PENSTOCK_P2P_RESERVE failed for a buffer of this PCI function.
absl::Status WindowReserveError(int error_number, const std::string& pci_address);

/// Another call failed; `call` says what was wanted: "release".
absl::Status WindowCallError(int error_number, const std::string& call, uint32_t number);

/// The window is gone but for its number.
absl::Status WindowRevokedError(uint32_t number);

}  // namespace penstock::driver
