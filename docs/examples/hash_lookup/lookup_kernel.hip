// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The megakernel with this handler in it, and nothing of the host's: a test compiles it without HIP's headers.
#include "lookup.h"
#include "penstock/device/megakernel.h"

template __attribute__((global)) void penstock::device::Megakernel<hash_lookup::Program>(penstock::device::DeviceView);
