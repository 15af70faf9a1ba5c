// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device that leaves everything to another one. Tests override what they look at.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "penstock/device.h"

namespace penstock::fakes {

class ForwardingDevice : public Device {
 public:
  explicit ForwardingDevice(std::unique_ptr<Device> to) : to_(std::move(to)) {}

  std::string name() const override { return to_->name(); }
  u32 workgroups() const override { return to_->workgroups(); }
  LiveRing& ring() override { return to_->ring(); }
  const LiveRing& ring() const override { return std::as_const(*to_).ring(); }
  SlotClock slot_clock() const override { return to_->slot_clock(); }
  LiveIoQueues io_queues() override { return to_->io_queues(); }
  absl::StatusOr<u32> RegisterBuffer(absl::Span<std::byte> memory, u32 rights) override {
    return to_->RegisterBuffer(memory, rights);
  }
  absl::StatusOr<u32> RegisterDeviceMemory(u64 device_address, u64 length_bytes, u32 rights) override {
    return to_->RegisterDeviceMemory(device_address, length_bytes, rights);
  }
  absl::StatusOr<std::optional<u64>> ImportDmaBuf(int dma_buf, u64 bytes) override { return to_->ImportDmaBuf(dma_buf, bytes); }
  void Keep(std::shared_ptr<const void> memory) override { to_->Keep(std::move(memory)); }
  absl::StatusOr<u32> RegisterAutomaton(absl::Span<const u32> table) override { return to_->RegisterAutomaton(table); }
  void FlushPeerWrites() override { to_->FlushPeerWrites(); }
  absl::Status SetResource(u32 id, const layout::ResourceRow& resource) override { return to_->SetResource(id, resource); }
  absl::Status SetTenant(const TenantRights& rights) override { return to_->SetTenant(rights); }
  void BeginEpoch() override { to_->BeginEpoch(); }
  absl::Status Start() override { return to_->Start(); }
  absl::Status RunOnce(absl::Duration timeout) override { return to_->RunOnce(timeout); }
  absl::Status Stop(absl::Duration timeout) override { return to_->Stop(timeout); }
  bool running() const override { return to_->running(); }
  absl::Status Check() override { return to_->Check(); }
  layout::Counters counters() const override { return to_->counters(); }
  u32 control_word(u32 index) const override { return to_->control_word(index); }
  std::vector<layout::DebugRecord> debug_log() const override { return to_->debug_log(); }

 private:
  std::unique_ptr<Device> to_;
};

}  // namespace penstock::fakes
