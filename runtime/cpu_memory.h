// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All memory of a CPU device. Its threads share ownership, so it outlives a handler that hangs.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "penstock/cpu_device.h"
#include "runtime/megakernel_memory.h"

namespace penstock {

class CpuMemory : public MegakernelMemory {
 public:
  static constexpr u32 kMaxWorkgroups = 1024;

  /// `workgroup_memory_bytes`: what the lanes of one workgroup share.
  CpuMemory(const DeviceOptions& options, size_t workgroup_memory_bytes);

  void* workgroup_memory(u32 workgroup) const { return workgroup_memory_.get() + workgroup * workgroup_memory_bytes_; }

  std::deque<std::vector<u32>> tables;  // automata

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
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete[](bytes, std::align_val_t{layout::kLineBytes}); }
  };
  using Bytes = std::unique_ptr<std::byte[], Free>;
  static Bytes AllocateZeroed(u64 bytes);

  const size_t workgroup_memory_bytes_;
  Bytes host_;
  Bytes device_;
  Bytes workgroup_memory_;
};

}  // namespace penstock
