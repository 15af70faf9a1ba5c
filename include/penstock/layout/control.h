// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The control block: word numbers that host and device share. The numbers are fixed.
//
// The host writes words 0, 2, the tenant masks and quotas, EPOCH and the partition offsets; the device's mirror writes the
// rest. The counters live in device memory, one set a workgroup; the mirror stores their low 32 bits here and the full
// 64 bits in Counters, so counting needs no atomics across the bus and nothing wraps unseen.
#pragma once

#include "penstock/layout/slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

/// Tenants that have rights of their own; a slot of any other ends as FAULT kTenantUnknown.
inline constexpr u32 kTenantCount = 29;
/// Rows of the counters by opcode: see CounterRow.
inline constexpr u32 kOpcodeCounterCount = 32;

inline constexpr u32 kControlShutdown = 0;            // word: not 0 tells the megakernel to leave
inline constexpr u32 kControlDoneCount = 1;           // word: slots that ended well, modulo 2^32
inline constexpr u32 kControlTenantTableStart = 2;    // holds kControlTenantMasks
inline constexpr u32 kControlTenantMasks = 3;         // 29 words: permission bits, see PermissionBit
inline constexpr u32 kControlTenantQuotas = 32;       // 32 words: slots an epoch; 0: no limit
inline constexpr u32 kControlTenantFairness = 64;     // 32 words: slots run
inline constexpr u32 kControlOpcodeCounters = 96;     // 32 words, rows as in CounterRow
inline constexpr u32 kControlEpoch = 128;             // a new epoch gives every tenant its quota again
inline constexpr u32 kControlPartitionOffsets = 129;  // 6 words: where each sub-ring starts, then the slot count
inline constexpr u32 kControlStarvation = 135;        // claims that ageing gave to a lower priority
inline constexpr u32 kControlPriorityCounters = 136;  // 5 words
inline constexpr u32 kControlUserWords = 160;         // observable words: a mirror of the device's user words
/// Words of the block before the mirrored user words.
inline constexpr u32 kControlMinWords = 160;

static_assert(kControlTenantMasks + kTenantCount == kControlTenantQuotas);
static_assert(kControlPartitionOffsets + kPriorityCount + 1 == kControlStarvation);

/// Counters in full width. One set a workgroup in device memory (one writer each), and their sum in host memory.
struct alignas(kLineBytes) Counters {
  u64 done;                         // slots that ended as DONE
  u64 faults;                       // slots that ended as FAULT
  u64 yields;                       // runs of handlers that ended in YIELD, REQUEUE or WAIT_IO
  u64 starvation;                   // claims that ageing gave to a lower priority
  u64 debug_log_dropped;            // records that found the debug log full
  u64 heartbeat;                    // grows while the megakernel is alive and not busy in every workgroup
  u64 doorbell_polls;               // reads of the doorbell line across the bus
  u64 opcode[kOpcodeCounterCount];  // slots run, by CounterRow
  u64 priority[kPriorityCount];     // slots run, by priority
  u64 tenant[kTenantCount];         // slots run, by tenant
};
static_assert(sizeof(Counters) % kLineBytes == 0);
/// Double words of Counters that count.
inline constexpr u32 kCounterCount = 7 + kOpcodeCounterCount + kPriorityCount + kTenantCount;
static_assert(offsetof(Counters, tenant) / sizeof(u64) + kTenantCount == kCounterCount);

/// The control word that shows the low half of the counter with this index in Counters; 0: none does.
PENSTOCK_HOST_DEVICE constexpr u32 ControlWordOfCounter(u32 index) {
  constexpr u32 kOpcode = offsetof(Counters, opcode) / sizeof(u64);
  constexpr u32 kPriority = offsetof(Counters, priority) / sizeof(u64);
  constexpr u32 kTenant = offsetof(Counters, tenant) / sizeof(u64);
  if (index >= kTenant) return kControlTenantFairness + (index - kTenant);
  if (index >= kPriority) return kControlPriorityCounters + (index - kPriority);
  if (index >= kOpcode) return kControlOpcodeCounters + (index - kOpcode);
  if (index == offsetof(Counters, starvation) / sizeof(u64)) return kControlStarvation;
  return index == offsetof(Counters, done) / sizeof(u64) ? kControlDoneCount : 0;
}

}  // namespace penstock::layout
