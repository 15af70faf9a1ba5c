// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The proof that a window is what it seems to be: reads into it, each byte compared from the CPU's and from the device's side.
// What `penstock window check` runs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/controller_counters.h"
#include "penstock/device_memory.h"
#include "penstock/export.h"
#include "penstock/peer_window.h"
#include "penstock/volume.h"

namespace PENSTOCK_API penstock {

/// A part of a window that one read goes to.
struct WindowPlace {
  uint64_t offset_bytes = 0;  // within the window
  uint32_t length_bytes = 0;  // of the place
};

/// What became of a place.
struct PlaceCheck {
  WindowPlace place;                          // where
  uint64_t volume_offset_bytes = 0;           // where the bytes came from
  absl::Status status;                        // OK, or the first thing that was wrong
  std::optional<uint64_t> first_difference;   // from the place's first byte on, as the CPU sees it
  uint64_t untouched_bytes = 0;               // of those that differ, where the poison still is
  std::optional<bool> is_right_on_device;     // nothing: no device was asked
  std::optional<bool> are_neighbours_intact;  // the page before and the page after; nothing: it did not come so far
};

/// What a check of a window found.
struct WindowCheck {
  std::vector<PlaceCheck> places;             // at the beginning, in the middle, at the end
  std::string compared_with;                  // the path that brought the bytes to compare with
  uint64_t commands = 0;                      // that path `bar` sent
  std::vector<ControllerCounts> controllers;  // what the controller says about the same time
  absl::Status status;                        // OK: every byte was right, and the counts agree
};

/// Compares bytes from the device's side: `expected` with those at `offset_bytes` of the window. Returns whether they are equal.
using DeviceComparison = std::function<absl::StatusOr<bool>(uint64_t offset_bytes, absl::Span<const std::byte> expected)>;

/// At most this many bytes are compared at once.
inline constexpr uint32_t kWindowPlaceBytes = 256 << 10;

/// Where to read to: the window's beginning, its middle, its end, and across the borders of its pieces, ten places at most.
std::vector<WindowPlace> PlacesToCheck(const PeerWindow& window);

/// Fills each place and the pages around it with poison, reads other bytes of `volume` into it by path `bar`, and compares.
/// `mapping` is the whole window; what was in those places is lost. `compare` may be null. A check that was run is returned, with
/// what was wrong; errors are those of getting so far: FailedPrecondition: the volume cannot be read by path bar;
/// InvalidArgument: window or volume too small; ResourceExhausted. Threads: one.
absl::StatusOr<WindowCheck> CheckWindow(const PeerWindow& window, const DeviceMemory& mapping, const Volume& volume,
                                        const DeviceComparison& compare);

}  // namespace penstock
