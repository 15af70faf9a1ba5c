// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A resident kernel on the CPU device whose handler makes the request that its slot names, and an I/O service that serves it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "penstock/buffer_pool.h"
#include "penstock/cpu_device.h"
#include "penstock/device/program.h"
#include "penstock/io_service.h"
#include "penstock/volume.h"

namespace penstock::guest {

/// Arguments: operation, source, destination, offset (low, high), bytes. The result is how the request ended, whatever the cause:
/// bytes, and in the high word the cause.
struct Ask {
  static constexpr u32 kOpcode = 0x30000;
  static constexpr u32 kArgumentCount = 6;
  enum Step : u32 { kBegin, kEnded };

  static device::Outcome Run(const device::Context& context) {
    const u32* const word = context.argument;
    if (context.wait.step == kBegin) {
      return context.WaitIo({word[0], word[1], word[2], layout::JoinWords(word[3], word[4]), word[5], context.slot.sequence},
                            kEnded);
    }
    return device::Outcome::Done(layout::JoinWords(context.wait.end.bytes, context.wait.end.cause));
  }
};

/// Threads: one.
class AskingKernel {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(30);  // only a hang is this slow

  struct Shape {
    IoServiceOptions service;
    u32 queues = 1;
    u32 piece_bytes = 64 * 1024;  // each a destination
    u32 pieces = 64;
  };

  AskingKernel(const BufferPoolMaker& make_pool, Shape shape)
      : pool_(make_pool({.buffer_bytes = shape.piece_bytes, .buffer_count = shape.pieces}).value()) {
    CpuDeviceOptions options;
    options.workgroups = 2;
    options.io_queues = shape.queues;
    device_ = MakeCpuDevice<device::Program<Ask>>(options).value();
    shape.service.make_probe_pool = make_pool;
    service_ = IoService::Create(device_->io_queues(), shape.service).value();
    destinations_ = service_->RegisterDestinations(pool_, {.length_bytes = shape.piece_bytes, .count = shape.pieces}).value();
  }
  ~AskingKernel() { Stop(); }
  AskingKernel(const AskingKernel&) = delete;
  AskingKernel& operator=(const AskingKernel&) = delete;

  void Start() {
    ASSERT_EQ(service_->Start(), absl::OkStatus());
    ASSERT_EQ(device_->Start(), absl::OkStatus());
  }
  void Stop() {
    if (!device_->running()) return;
    EXPECT_EQ(device_->Stop(kPatience), absl::OkStatus());
    EXPECT_EQ(service_->Stop(kPatience), absl::OkStatus());
  }

  /// The volume lives as long as the kernel.
  u32 AddSource(absl::StatusOr<Volume> volume, const IoSourceExtent& extent) {
    EXPECT_EQ(volume.status(), absl::OkStatus());
    volumes_.push_back(*std::move(volume));
    const absl::StatusOr<u32> handle = service_->RegisterSource(volumes_.back(), extent);
    EXPECT_EQ(handle.status(), absl::OkStatus());
    return handle.value_or(0);
  }

  /// False while the slot that comes next is still in flight, however many others are free.
  bool HasRoom() const { return device_->ring().free_slots(layout::Priority::kNormal) > 0; }

  /// Requires: HasRoom().
  Ticket Publish(const layout::IoRequest& request) {
    Work work = {.opcode = Ask::kOpcode};
    const u32 words[] = {request.op_type,
                         request.source_handle,
                         request.destination_handle,
                         layout::LowWord(request.offset_bytes),
                         layout::HighWord(request.offset_bytes),
                         request.byte_count};
    std::copy(std::begin(words), std::end(words), work.argument.begin());
    return device_->ring().Publish(work).value();
  }

  /// Nothing if the slot has not ended yet.
  std::optional<layout::IoEnd> TryTake(const Ticket& ticket) {
    Completion completion;
    if (!device_->ring().TryReap(ticket, completion)) return std::nullopt;
    EXPECT_TRUE(completion.ok()) << completion.ToStatus("asking");
    return layout::IoEnd{layout::HighWord(completion.result), layout::LowWord(completion.result)};
  }

  layout::IoEnd Do(const layout::IoRequest& request) {
    const absl::StatusOr<Completion> completion = device_->ring().Wait(Publish(request), kPatience);
    EXPECT_TRUE(completion.ok() && completion->ok()) << completion.status();
    return completion.ok() ? layout::IoEnd{layout::HighWord(completion->result), layout::LowWord(completion->result)}
                           : layout::IoEnd{~0u, 0};
  }

  IoService& service() { return *service_; }
  u32 destination(u32 piece) const { return destinations_[piece]; }
  absl::Span<std::byte> piece(u32 index) const { return pool_.buffer(index); }

 private:
  BufferPool pool_;
  std::deque<Volume> volumes_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<IoService> service_;
  std::vector<u32> destinations_;
};

inline layout::IoCause CauseOf(const layout::IoEnd& end) { return static_cast<layout::IoCause>(end.cause); }

}  // namespace penstock::guest
