// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device that is on the other side of a BAR: outside_kernel runs the megakernel outside the guest, on the file that backs the
// BAR of the guest's ivshmem function; inside, outside_device.cc hands it ring, tables and buffers through that BAR. So the
// kernel has a GPU's place on the bus: it reaches nothing but what lies in the BAR.
#pragma once

#include <cstdint>

#include "penstock/device/state.h"

namespace penstock::guest {

/// Where outside_kernel maps the BAR: what the device calls an address is this plus an offset in the BAR.
inline constexpr uint64_t kOutsideBase = uint64_t{1} << 44;

/// The BAR's first bytes are for launching and for what both sides share; windows lie behind.
inline constexpr uint64_t kSharedBytes = 4 << 20;

/// At the BAR's beginning. The guest writes what to launch, then `launched`; outside_kernel sets `left` to the same number when
/// every workgroup has left. Tests fill the whole BAR with other things too, so a launch is one only with kLaunchMagic.
inline constexpr uint64_t kLaunchMagic = 0x68636E75616C2120;
struct OutsideMailbox {
  uint64_t magic;
  device::DeviceView view;
  uint32_t launched;
  uint32_t left;
};

}  // namespace penstock::guest
