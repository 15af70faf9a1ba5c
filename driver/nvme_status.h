// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the status of an NVMe command that read or wrote means for the caller: pure, no device needed.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "driver/read_error.h"
#include "penstock/read_path.h"

namespace penstock::driver {

/// NVMe Base Specification 2.0, figure "Completion Queue Entry: Status Field", without the phase bit: the 15 bits that io_uring
/// (a positive `res` of a passthrough command) and the ioctls (a positive return value) hand over. Bits 11-12 (CRD, which of the
/// controller's delays it asks for before a retry) are not looked at.
struct NvmeStatus {
  uint8_t code = 0;           // SC, bits 0-7
  uint8_t type = 0;           // SCT, bits 8-10: 0 generic, 1 of this command, 2 media and integrity, 3 path, 7 vendor
  bool more = false;          // bit 13: the controller's error log has more
  bool do_not_retry = false;  // bit 14: the same command would fail again
  uint16_t raw = 0;

  /// Type and code as they are usually written together, e.g. 0x281.
  uint16_t number() const { return static_cast<uint16_t>(type << 8 | code); }
  bool ok() const { return number() == 0; }
};

/// Bit 15, which neither interface sets, is ignored.
NvmeStatus DecodeNvmeStatus(uint16_t raw);

/// Whether a passthrough command has failed, by the `res` of its completion: -errno, or a status that is no success. The bits
/// above the type may be set with success too.
bool HasFailed(int32_t result);

/// What a status means for a read or write.
struct NvmeMeaning {
  std::string name;       // as the specification has it, e.g. "Unrecovered Read Error"
  absl::StatusCode code;  // by what the caller does next
  std::string fix;
  bool may_retry;  // sending the same command again can help
};

/// Requires: `status` is no success.
///
/// A passthrough command comes back after its first failure: the kernel, which sends a read or write of the block layer up to
/// five times more unless the do-not-retry bit is set (nvme_decide_disposition, nvme.max_retries), marks passthrough as
/// fail-fast. So the limit is ours, and the rule is the kernel's with exceptions: may_retry needs that bit to be clear, and is
/// false all the same where the answer is in the command or in the state of the device and cannot change by itself within a few
/// tries (an invalid field, a range past the end, missing rights, a reservation, an erasure going on), and where bytes failed an
/// end-to-end check: bytes that were wrong once are not to be trusted because they pass on the second try. An unrecovered media
/// error may be retried: the drive says with that bit whether it has tried everything. The next try goes out at once, also where
/// the controller asks for a delay, which the kernel would wait for.
NvmeMeaning MeaningOfNvmeStatus(const NvmeStatus& status);

/// "reading (or writing) N bytes at offset O of V by path P failed: NAME (NVMe status 0x..., do not retry)", with code and remedy
/// of MeaningOfNvmeStatus; the raw status is attached (NvmeStatusOf). Requires: `raw` is no success. Threads: any.
absl::Status NvmeReadError(uint16_t raw, ReadPath path, const Extent& extent);

}  // namespace penstock::driver
