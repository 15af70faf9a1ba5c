// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every device does in the same way: its ring and tables, launching and stopping, and what it tells about itself. A device
// adds how memory is reached and how the megakernel is launched.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "penstock/device.h"
#include "penstock/export.h"
#include "runtime/megakernel_memory.h"

namespace PENSTOCK_API penstock {

/// Errors: InvalidArgument for a size of zero or past its limit, and for a time below zero.
absl::Status CheckDeviceOptions(const DeviceOptions& options, u32 most_workgroups);

/// The device's end has still to be made. Threads: as Device.
class ResidentDevice : public Device {
 public:
  u32 workgroups() const override { return options_.workgroups; }
  LiveRing& ring() override { return ring_; }
  const LiveRing& ring() const override { return ring_; }
  SlotClock slot_clock() const override { return {memory_->ticks_per_second(), /*is_hosts=*/false}; }
  LiveIoQueues io_queues() override { return memory_->io_queues(); }
  absl::StatusOr<u32> RegisterBuffer(absl::Span<std::byte> memory, u32 rights) override;
  absl::StatusOr<u32> RegisterDeviceMemory(u64 device_address, u64 length_bytes, u32 rights) override;
  void Keep(std::shared_ptr<const void> memory) override { kept_.push_back(std::move(memory)); }
  absl::StatusOr<u32> RegisterAutomaton(absl::Span<const u32> table) override;
  absl::Status SetResource(u32 id, const layout::ResourceRow& resource) override;
  absl::Status SetTenant(const TenantRights& rights) override;
  void BeginEpoch() override;
  absl::Status Start() override { return Launch(/*run_once=*/false); }
  absl::Status RunOnce(absl::Duration timeout) override;
  absl::Status Stop(absl::Duration timeout) override;
  bool running() const override { return running_; }
  absl::Status Check() override;
  layout::Counters counters() const override;
  u32 control_word(u32 index) const override;
  std::vector<layout::DebugRecord> debug_log() const override;

 protected:
  /// `memory`: placed and connected to `ring`.
  ResidentDevice(const DeviceOptions& options, std::shared_ptr<MegakernelMemory> memory, LiveRing ring);

  MegakernelMemory& memory() const { return *memory_; }
  bool hangs() const { return hangs_; }
  /// Leaves what is kept to a kernel that will not end.
  void AbandonKept();

  /// Makes `memory` reachable for the megakernel; its address there. Errors: InvalidArgument, ResourceExhausted.
  virtual absl::StatusOr<u64> Map(absl::Span<std::byte> memory) = 0;
  /// Copies a table to device memory; its address there. Errors: ResourceExhausted.
  virtual absl::StatusOr<u64> CopyTable(absl::Span<const u32> table) = 0;
  /// Copies a part of the image of device memory there. Requires: not running. Errors: Unavailable.
  virtual absl::Status Upload(const void* image, size_t bytes) = 0;
  /// Begins to run memory().view(). Errors: Unavailable, with nothing running.
  virtual absl::Status BeginLaunch() = 0;
  /// Whether every workgroup has left. Never waits. Errors: Unavailable when the device is lost.
  virtual absl::StatusOr<bool> HasLeft() = 0;
  /// Called once after HasLeft was true.
  virtual void EndLaunch() {}
  /// Brings the workgroups' state into the image, within a short time, and says for how long slots have been in hand that were
  /// admitted at `busy_since_ticks`. False if the device does not answer.
  virtual bool SampleWorkgroups() = 0;
  virtual absl::Duration AgeOf(u64 busy_since_ticks) const = 0;

 private:
  absl::Status Launch(bool run_once);
  absl::Status Join(absl::Duration timeout);
  absl::Status HungError(absl::Duration waited);
  absl::Status Lose(const absl::Status& cause);
  absl::Status CheckRoomForBuffer() const;
  absl::Status CheckBuffer(u64 length_bytes, u32 rights) const;
  absl::StatusOr<u32> AddBufferRow(u64 address, u64 length_bytes, u32 rights);

  const DeviceOptions options_;
  std::vector<std::shared_ptr<const void>> kept_;
  const std::shared_ptr<MegakernelMemory> memory_;
  LiveRing ring_;
  u32 buffer_count_ = 0;
  std::atomic<bool> running_ = false;
  bool hangs_ = false;  // a Stop or RunOnce has given up waiting
  absl::Status lost_;   // why the device can no longer run
};

/// A ring over the memory's slots and doorbell, connected. Errors: as LiveRing::Create.
absl::StatusOr<LiveRing> MakeRing(MegakernelMemory& memory, const DeviceOptions& options, LiveRing::ArgumentCount argument_count);

}  // namespace penstock
