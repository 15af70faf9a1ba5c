// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What memory the bytes of `penstock ingest` land in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/buffer_pool.h"
#include "penstock/device.h"
#include "penstock/device_memory.h"
#include "penstock/peer_window.h"

namespace penstock::cli {

/// What --buffer asks for.
struct BufferChoice {
  enum class Kind { kPinned, kPeerMemory, kWindow };

  Kind kind = Kind::kPinned;
  std::string pci_address = {};                // kPeerMemory: of the function whose memory it is
  std::optional<uint32_t> window_number = {};  // kWindow: nothing for the only one there is

  friend bool operator==(const BufferChoice&, const BufferChoice&) = default;
};

/// Of "pinned", "p2pmem:ADDRESS", "window" or "window:N". Errors: InvalidArgument.
absl::StatusOr<BufferChoice> BufferChoiceNamed(const std::string& name);

/// A window, mapped as a whole and made reachable for the device that is to work on it. Errors: those of both.
absl::StatusOr<DeviceMemory> MapWindow(const PeerWindows& module, uint32_t number, Device& device);

/// Opens the window, if it is one. Errors: those of PeerWindows, ChooseWindow and the device.
absl::StatusOr<BufferPoolMaker> PoolMakerOf(const BufferChoice& choice, Device& device);

}  // namespace penstock::cli
