// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An I/O service over files and memory, and requesters that play the kernel.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "penstock/io_service.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_kernel.h"
#include "tests/fakes/fake_read_queue.h"

namespace penstock {

inline constexpr absl::Duration kLong = absl::Seconds(30);  // for what takes microseconds: only a hang is this slow
inline constexpr u32 kPiece = 16384;                        // bytes of each destination of a rig

/// Path read reads files here. Otherwise tests of it are skipped.
inline bool PathReadWorks() {
  const TempFile file(4096);
  const auto pool = BufferPool::Create({4096, 1});
  return file.Open().Supports(ReadPath::kRead) && OpenReadQueue(ReadPath::kRead, *pool, {.depth = 1}).ok();
}
inline constexpr char kPathReadIsRefused[] = "path read is refused here. Fix: allow io_uring, and run on a disk file system.";

/// Lends a queue that outlives the service's: so that a test sees it.
class BorrowedQueue final : public ReadQueue {
 public:
  explicit BorrowedQueue(ReadQueue& queue) : queue_(queue) {}
  ReadPath path() const override { return queue_.path(); }
  uint32_t capacity() const override { return queue_.capacity(); }
  void Attach(const Volume& volume) override { queue_.Attach(volume); }
  void Detach(const Volume& volume) override { queue_.Detach(volume); }
  bool TryQueue(const RawRead& read) override { return queue_.TryQueue(read); }
  absl::Status Submit() override { return queue_.Submit(); }
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override {
    return queue_.Wait(completions, timeout);
  }
  void Cancel(uint64_t user_data) override { queue_.Cancel(user_data); }
  uint64_t bounce_bytes() const override { return queue_.bounce_bytes(); }

 private:
  ReadQueue& queue_;
};

struct IoRigOptions {
  IoServiceOptions service = {.path = ReadPath::kPread};
  u32 queues = 1;
  u32 pieces = 64;  // destinations, of kPiece bytes
  bool fake_queue = false;
  fakes::FakeReadQueue::Options fake = {.capacity = 128};
};

class IoRig {
 public:
  explicit IoRig(IoRigOptions options = {})
      : kernel(options.queues),
        fake(options.fake),
        pool(*BufferPool::Create({.buffer_bytes = kPiece, .buffer_count = options.pieces})) {
    if (options.fake_queue) {
      options.service.open_queue = [this](ReadPath, const BufferPool&, const ReadQueueOptions&) {
        return std::make_unique<BorrowedQueue>(fake);
      };
    }
    auto created = IoService::Create(kernel.live(), options.service);
    EXPECT_TRUE(created.ok()) << created.status();
    service = *std::move(created);
    for (u32 q = 0; q < options.queues; ++q) requesters.emplace_back(kernel, q);
    const auto handles = service->RegisterDestinations(pool, {.length_bytes = kPiece, .count = options.pieces});
    EXPECT_TRUE(handles.ok()) << handles.status();
    destinations = handles.value_or(std::vector<u32>{});
  }

  /// A volume with the pattern in it, and the handle of an extent of it.
  u32 AddSource(size_t bytes, const IoSourceExtent& extent = {}) {
    const std::string& path = files.emplace_back(bytes).path();
    auto volume = extent.may_write ? Volume::OpenForWriting(path) : Volume::Open(path);
    EXPECT_TRUE(volume.ok()) << volume.status();
    volumes.push_back(*std::move(volume));
    const auto handle = service->RegisterSource(volumes.back(), extent);
    EXPECT_TRUE(handle.ok()) << handle.status();
    return handle.value_or(0);
  }

  void Start() { ASSERT_TRUE(service->Start().ok()); }

  static layout::IoRequest Read(u32 source, u32 destination, u64 offset, u32 bytes, u32 tag = 0) {
    return {layout::kIoRead, source, destination, offset, bytes, tag};
  }

  /// Posts a request, and waits for its end.
  layout::IoEnd Do(const layout::IoRequest& request, u32 queue = 0) {
    const u32 slot = requesters[queue].Post(request);
    const auto ended = requesters[queue].WaitFor(slot);
    EXPECT_TRUE(ended.has_value()) << "the request did not end";
    return ended.has_value() ? ended->end : layout::IoEnd{~0u, 0};
  }
  layout::IoCause CauseOf(const layout::IoRequest& request, u32 queue = 0) {
    return static_cast<layout::IoCause>(Do(request, queue).cause);
  }

  absl::Span<const std::byte> piece(u32 index, u32 bytes) const { return pool.buffer(index).first(bytes); }

  fakes::FakeKernel kernel;
  std::deque<fakes::FakeRequester> requesters;
  fakes::FakeReadQueue fake;
  BufferPool pool;
  std::deque<TempFile> files;
  std::deque<Volume> volumes;
  std::unique_ptr<IoService> service;  // goes first
  std::vector<u32> destinations;
};

}  // namespace penstock
