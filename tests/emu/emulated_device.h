// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device of the tests of this folder: the megakernel as compiled for gfx1100, in the emulator.
#pragma once

#include <memory>

#include "runtime/resident_device.h"
#include "tests/emu/emulator_process.h"
#include "tests/emu/shared_arena.h"

namespace penstock {

/// One workgroup: the emulator runs one after the other. Buffers must lie in the arena. Borrows arena and process; ends the
/// program when the emulator hangs at its end. Errors: as MakeCpuDevice.
absl::StatusOr<std::unique_ptr<Device>> MakeEmulatedDevice(const DeviceOptions& options, SharedArena& arena,
                                                           EmulatorProcess& emulator);

}  // namespace penstock
