// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interpreter without a device: it runs in the test's own thread, over memory that the test may scribble on.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "penstock/device/interpreter.h"
#include "runtime/cpu_memory.h"
#include "runtime/resident_device.h"

namespace penstock {

template <typename Program = device::Program<>>
class BareInterpreter {
 public:
  explicit BareInterpreter(CpuDeviceOptions options = {}, u32 ring_slots = 8) {
    options.ring.slot_counts.fill(ring_slots);
    memory_ = std::make_unique<CpuMemory>(options, sizeof(device::WorkgroupMemory<Program>));
    ring_ = std::make_unique<LiveRing>(MakeRing(*memory_, options, nullptr).value());
    memory_->control()[layout::kControlTenantMasks] = layout::kPermitAllButShutdown;
    ring_->BeginEpoch();
  }

  CpuMemory& memory() { return *memory_; }
  LiveRing& ring() { return *ring_; }
  u32* slot_words(layout::Priority priority, u32 sequence) {
    return memory_->slots()[memory_->view().SlotIndex(static_cast<u32>(priority), sequence)].word;
  }

  /// One workgroup runs what is published, and returns.
  void RunOnce() {
    memory_->PrepareLaunch(/*run_once=*/true);
    device::Group group(0, 0, 1, nullptr);
    device::RunWorkgroup<Program>(memory_->view(), group,
                                  *static_cast<device::WorkgroupMemory<Program>*>(memory_->workgroup_memory(0)));
  }

  Completion Run(const Work& work) {
    const auto ticket = ring_->Publish(work);
    EXPECT_TRUE(ticket.ok()) << ticket.status();
    RunOnce();
    Completion completion;
    EXPECT_TRUE(ticket.ok() && ring_->TryReap(*ticket, completion)) << ring_->Dump();
    return completion;
  }

 private:
  std::unique_ptr<CpuMemory> memory_;
  std::unique_ptr<LiveRing> ring_;
};

}  // namespace penstock
