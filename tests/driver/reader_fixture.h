// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the tests of the Reader share: a reader over a faulty queue, a pool of buffers and one file.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/reader.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_read_queue.h"

namespace penstock {

using fakes::FakeReadQueue;
using fakes::Fault;
using fakes::FaultKind;

inline constexpr uint32_t kBuffer = 16384;
inline constexpr uint32_t kBuffers = 16;

/// A reader over a faulty queue, a pool of buffers and one file.
class ReaderFixture {
 public:
  explicit ReaderFixture(size_t file_bytes, FakeReadQueue::Options queue_options = {}, Reader::Options options = {.depth = 8})
      : file(file_bytes), volume(file.Open()), queue(queue_options), reader(queue, options) {
    std::fill(pool.memory().begin(), pool.memory().end(), std::byte{0xEE});
  }

  /// Reads into buffer `tag`.
  ChunkRead Chunk(uint64_t tag, uint64_t offset_bytes, uint32_t length_bytes) {
    return {.tag = tag,
            .volume = &volume,
            .offset_bytes = offset_bytes,
            .length_bytes = length_bytes,
            .destination = pool.buffer(static_cast<uint32_t>(tag))};
  }

  /// Results until `count` have come, for at most 10 s.
  std::vector<ChunkResult> Collect(size_t count) {
    std::vector<ChunkResult> all;
    ChunkResult some[4];
    const uint64_t begin_ns = MonotonicNs();
    while (all.size() < count && MonotonicNs() - begin_ns < 10'000'000'000u) {
      const absl::StatusOr<size_t> stored = reader.Wait(absl::MakeSpan(some), absl::Seconds(1));
      EXPECT_EQ(stored.status(), absl::OkStatus());
      if (!stored.ok()) break;
      all.insert(all.end(), some, some + *stored);
    }
    EXPECT_EQ(all.size(), count);
    all.resize(count);
    return all;
  }

  /// The error of a Wait that stores no result.
  absl::Status WaitForError() {
    ChunkResult result;
    absl::StatusOr<size_t> stored = 0;
    while (stored.ok() && *stored == 0) stored = reader.Wait(absl::MakeSpan(&result, 1), absl::ZeroDuration());
    return stored.status();
  }

  ChunkResult ReadOne(const ChunkRead& read) {
    EXPECT_EQ(reader.Start(read), absl::OkStatus());
    return Collect(1).at(0);
  }

  TempFile file;
  Volume volume;
  BufferPool pool = BufferPool::Create({.buffer_bytes = kBuffer, .buffer_count = kBuffers}).value();
  FakeReadQueue queue;
  Reader reader;
};

inline constexpr FakeReadQueue::Options kDirect{.path = ReadPath::kRead};

#define SKIP_WITHOUT_DIRECT_IO(fixture)                                        \
  if ((fixture).volume.support(ReadPath::kRead).fd < 0 ||                      \
      (fixture).volume.support(ReadPath::kRead).offset_alignment_bytes > 4096) \
  GTEST_SKIP() << "no direct I/O in 4096-byte blocks here. Fix: run in a directory on a disk."

}  // namespace penstock
