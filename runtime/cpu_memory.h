// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All memory of a CPU device: what would be pinned host memory, and what would be device memory. Its threads share ownership,
// so it outlives a handler that hangs.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "penstock/cpu_device.h"
#include "penstock/device/state.h"

namespace penstock {

class CpuMemory {
 public:
  static constexpr u32 kMaxWorkgroups = 1024;

  CpuMemory(const CpuDeviceOptions& options, size_t workgroup_memory_bytes, u32 slot_count);

  /// Fills in the view, for a ring whose sub-rings all begin at `first_sequence`.
  void Connect(const LiveRing& ring, u32 first_sequence);

  absl::Span<layout::Slot> slots() { return {slots_.get(), slot_count_}; }
  void* workgroup_memory(u32 workgroup) { return workgroup_memory_.get() + workgroup * workgroup_memory_bytes_; }

  // Host memory.
  std::unique_ptr<layout::Doorbell> doorbell;
  std::unique_ptr<layout::Counters> counters;
  std::vector<u32> control;
  std::vector<u32> debug_log;

  // Device memory.
  std::unique_ptr<device::SharedState> shared;
  std::vector<device::SlotState> slot_states;
  std::unique_ptr<device::WorkgroupState[]> workgroups;
  std::vector<layout::BufferRow> buffers;
  std::vector<u32> user_words;
  std::vector<std::vector<u32>> automata;

  device::DeviceView view = {};
  std::atomic<size_t> threads_left = 0;  // that have left

  // No thread begins before all of them have been started: a workgroup that lacks a lane would never leave.
  enum class Gate { kClosed, kRun, kAbandon };
  std::atomic<Gate> gate = Gate::kClosed;
  void OpenGate(Gate to) {
    gate.store(to);
    gate.notify_all();
  }
  bool PassGate() const {
    gate.wait(Gate::kClosed);
    return gate.load() == Gate::kRun;
  }

 private:
  const u32 slot_count_;
  const size_t workgroup_memory_bytes_;
  std::unique_ptr<layout::Slot[]> slots_;
  std::vector<device::DeferredQueue::Cell> deferred_cells_;
  std::unique_ptr<device::DeferredQueue::Cursors> deferred_cursors_;
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete[](bytes, std::align_val_t{layout::kLineBytes}); }
  };
  std::unique_ptr<std::byte[], Free> workgroup_memory_;
};

}  // namespace penstock
