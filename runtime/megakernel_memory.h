// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where everything of a device lies: one piece of host memory that both sides share, and one piece of device memory.
//
// Each piece has two addresses: the host's and the device's. On the CPU device they are the same. On a GPU the host's piece is
// pinned and mapped, and what the host sees of the device's piece is an image in ordinary memory, which is uploaded.
#pragma once

#include <cstddef>

#include "absl/types/span.h"
#include "penstock/device.h"
#include "penstock/device/state.h"
#include "penstock/export.h"

namespace PENSTOCK_API penstock {

class MegakernelMemory {
 public:
  struct Piece {
    std::byte* host = nullptr;
    u64 device = 0;
  };

  MegakernelMemory(const DeviceOptions& options, u64 ticks_per_second);

  u64 ticks_per_second() const { return ticks_per_second_; }
  u64 host_bytes() const { return host_bytes_; }
  u64 device_bytes() const { return device_bytes_; }

  /// Takes two pieces of zeroed memory of those sizes, aligned to a line.
  void Place(const Piece& host, const Piece& device);
  /// Fills in what a new device begins with. Requires: placed; the ring's storage is slots() and doorbell().
  void Connect(const LiveRing& ring, u32 first_sequence);
  /// Fills in launch(): what every launch begins with. Requires: placed.
  void PrepareLaunch(bool run_once);

  /// The kernel's argument. Changed by the above only.
  const device::DeviceView& view() const { return view_; }

  // Host memory.
  absl::Span<layout::Slot> slots() const { return Of(slots_, host_); }
  layout::Doorbell& doorbell() const { return Of(doorbell_, host_)[0]; }
  layout::Counters& counters() const { return Of(counters_, host_)[0]; }
  absl::Span<u32> control() const { return Of(control_, host_); }
  absl::Span<u32> debug_log() const { return Of(debug_log_, host_); }
  absl::Span<layout::SlotTimes> slot_times() const { return Of(slot_times_, host_); }
  LiveIoQueues io_queues() const;

  // Device memory, or its image.
  device::LaunchState& launch() const { return Of(launch_, device_)[0]; }
  device::SharedState& shared() const { return Of(shared_, device_)[0]; }
  absl::Span<device::SlotState> slot_states() const { return Of(slot_states_, device_); }
  absl::Span<device::WorkgroupState> workgroups() const { return Of(workgroups_, device_); }
  absl::Span<layout::BufferRow> buffers() const { return Of(buffers_, device_); }
  absl::Span<u32> user_words() const { return Of(user_words_, device_); }
  absl::Span<layout::ResourceRow> resources() const { return Of(resources_, device_); }
  absl::Span<device::ResourceState> resource_states() const { return Of(resource_states_, device_); }

  /// Offset of one of the above in the device's piece.
  u64 DeviceOffset(const void* image) const { return static_cast<u64>(static_cast<const std::byte*>(image) - device_.host); }

 private:
  template <typename T>
  struct Block {
    u64 offset = 0;
    u64 count = 0;
  };

  template <typename T>
  Block<T> Reserve(u64 count, u64& bytes) {
    const Block<T> block = {bytes, count};
    bytes += (count * sizeof(T) + layout::kLineBytes - 1) / layout::kLineBytes * layout::kLineBytes;
    return block;
  }
  template <typename T>
  static absl::Span<T> Of(const Block<T>& block, const Piece& piece) {
    return {reinterpret_cast<T*>(piece.host + block.offset), static_cast<size_t>(block.count)};
  }
  template <typename T>
  static T* AddressOf(const Block<T>& block, const Piece& piece) {
    return reinterpret_cast<T*>(piece.device + block.offset);
  }

  const u64 ticks_per_second_;

  u64 host_bytes_ = 0;
  Block<layout::Slot> slots_;
  Block<layout::Doorbell> doorbell_;
  Block<layout::Counters> counters_;
  Block<u32> control_;
  Block<u32> debug_log_;
  Block<layout::SlotTimes> slot_times_;
  Block<layout::LiveIoQueue> io_queues_;
  Block<u64> io_bells_;
  Block<layout::IoAlarm> io_alarm_;

  u64 device_bytes_ = 0;
  Block<device::LaunchState> launch_;
  Block<device::SharedState> shared_;
  Block<device::DeferredQueue::Cursors> cursors_;
  Block<device::DeferredQueue::Cell> cells_;
  Block<device::SlotState> slot_states_;
  Block<device::WorkgroupState> workgroups_;
  Block<layout::BufferRow> buffers_;
  Block<u32> user_words_;
  Block<device::IoQueueState> io_states_;
  Block<device::IoEntry> io_entries_;
  Block<device::WaitState> waits_;
  Block<layout::ResourceRow> resources_;
  Block<device::ResourceState> resource_states_;

  void ReserveIo(const DeviceOptions& options, u32 slot_count);
  void PlaceIo();

  Piece host_;
  Piece device_;
  device::DeviceView view_ = {};
};

}  // namespace penstock
