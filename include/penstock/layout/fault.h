// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Why a slot ended as FAULT: the number in word 15. Word 14 carries the detail named here.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

/// Why a slot ended as FAULT.
enum class FaultReason : u32 {
  kNone = 0,
  kUnknownOpcode = 1,    // detail: the opcode
  kTenantUnknown = 2,    // detail: the tenant index
  kTenantDenied = 3,     // detail: the opcode that the tenant's mask lacks
  kTenantOverQuota = 4,  // detail: the quota of the epoch
  kBadHandle = 5,        // detail: the handle
  kAccessDenied = 6,     // detail: the handle whose buffer lacks the right
  kOutOfRange = 7,       // detail: low word of the offset, or the word index
  kMisaligned = 8,       // detail: low word of the offset
  kBadArgument = 9,      // detail: index of the argument
  kBadPackedSlot = 10,   // detail: the decoder's error
  kNotConnected = 11,    // nobody serves I/O requests
  kDeadline = 12,        // the wait outlived the slot's limit
  kSlotCorrupt = 13,     // detail: the status that was found instead of PUBLISHED
  kHandlerFault = 14,    // detail: the handler's own number
  kNotAtOnce = 15,       // detail: index of the op inside a packed slot that did not end in one run
  kDeviceLost = 16,      // by the host: the device can no longer run it
  kIoFailed = 17,        // detail: the IoCause of the request that it needed
};

/// The reason in words, for messages.
constexpr const char* FaultText(FaultReason reason) {
  switch (reason) {
    case FaultReason::kNone: return "no fault";
    case FaultReason::kUnknownOpcode: return "no handler for this opcode";
    case FaultReason::kTenantUnknown: return "tenant index out of range";
    case FaultReason::kTenantDenied: return "tenant may not use this opcode";
    case FaultReason::kTenantOverQuota: return "tenant used up its quota of this epoch";
    case FaultReason::kBadHandle: return "buffer handle names no registered buffer";
    case FaultReason::kAccessDenied: return "buffer does not grant this access";
    case FaultReason::kOutOfRange: return "offset and length reach past the end";
    case FaultReason::kMisaligned: return "offset is not aligned";
    case FaultReason::kBadArgument: return "argument has no meaning";
    case FaultReason::kBadPackedSlot: return "packed payload cannot be decoded";
    case FaultReason::kNotConnected: return "no I/O service is connected";
    case FaultReason::kDeadline: return "wait outlived the slot's time limit";
    case FaultReason::kSlotCorrupt: return "slot was not PUBLISHED when it was claimed";
    case FaultReason::kHandlerFault: return "the handler refused";
    case FaultReason::kNotAtOnce: return "an op inside a packed slot did not end in one run";
    case FaultReason::kDeviceLost: return "the device was lost";
    case FaultReason::kIoFailed: return "bytes that it needed could not be transferred";
  }
  return "unknown fault";
}

}  // namespace penstock::layout
