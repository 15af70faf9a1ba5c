// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU device's CRC-32C: ISA-L, which uses the processor's instructions.
#include <isa-l/crc.h>

#include <algorithm>
#include <climits>

#include "penstock/device/group.h"

namespace penstock::device {

u32 ExtendCrc32c(u32 crc, const u8* bytes, u64 length) {
  u32 raw = ~crc;  // ISA-L neither inverts before nor after
  while (length > 0) {
    const u64 part = std::min<u64>(length, INT_MAX);
    raw = crc32_iscsi(const_cast<u8*>(bytes), static_cast<int>(part), raw);
    bytes += part;
    length -= part;
  }
  return ~raw;
}

}  // namespace penstock::device
