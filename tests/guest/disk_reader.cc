// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/disk_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/guest/ingest_run.h"

namespace penstock::guest {

ChunkResult WaitForOne(Reader& reader) {
  ChunkResult result;
  EXPECT_TRUE(Eventually([&] {
    const absl::StatusOr<size_t> ended = reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1));
    EXPECT_TRUE(ended.ok()) << ended.status();
    return !ended.ok() || *ended == 1;
  }));
  return result;
}

std::vector<FailedChunk> RunChunks(Reader& reader, const std::vector<uint64_t>& offsets,
                                   const std::function<absl::Status(uint32_t buffer, uint64_t offset_bytes)>& start,
                                   const std::function<void(const ChunkResult& result, uint64_t offset_bytes)>& landed) {
  std::vector<FailedChunk> failed;
  std::vector<uint32_t> free_buffers(reader.depth());
  std::iota(free_buffers.begin(), free_buffers.end(), 0);
  std::vector<uint64_t> offset_in(reader.depth());
  std::vector<ChunkResult> results(reader.depth());
  for (size_t next = 0; next < offsets.size() || reader.in_flight() > 0;) {
    for (; next < offsets.size() && !free_buffers.empty(); ++next, free_buffers.pop_back()) {
      offset_in[free_buffers.back()] = offsets[next];
      EXPECT_EQ(start(free_buffers.back(), offsets[next]), absl::OkStatus());
    }
    const absl::StatusOr<size_t> ended = reader.Wait(absl::MakeSpan(results), absl::Seconds(10));
    if (!ended.ok()) {
      ADD_FAILURE() << ended.status();
      return failed;
    }
    for (const ChunkResult& result : absl::MakeSpan(results).first(*ended)) {
      const auto buffer = static_cast<uint32_t>(result.tag);
      free_buffers.push_back(buffer);
      if (result.status.ok()) {
        landed(result, offset_in[buffer]);
      } else {
        failed.push_back({offset_in[buffer], result.status});
      }
    }
  }
  std::sort(failed.begin(), failed.end(), [](const auto& a, const auto& b) { return a.offset_bytes < b.offset_bytes; });
  return failed;
}

std::vector<uint64_t> ChunkOffsets(const Disk& disk, uint32_t chunk_bytes) {
  std::vector<uint64_t> offsets;
  for (uint64_t offset = 0; offset < disk.bytes; offset += chunk_bytes) offsets.push_back(offset);
  return offsets;
}

DiskReader::DiskReader(const Disk& disk, ReadPath path, absl::Duration read_timeout)
    : disk_(disk),
      volume_(Volume::Open(disk.char_node).value()),
      pool_(By(path).make_pool({.buffer_bytes = kChunkBytes, .buffer_count = kDepth}).value()),
      queue_(OpenReadQueue(path, pool_, {.depth = kDepth}).value()),
      reader_(std::make_unique<Reader>(*queue_, Reader::Options{.depth = kDepth, .read_timeout = read_timeout})) {
  queue_->Attach(volume_);
}

DiskReader::~DiskReader() {
  EXPECT_EQ(reader_->Drain(absl::Seconds(20)), absl::OkStatus());
  queue_->Detach(volume_);
}

absl::Status DiskReader::Start(uint32_t tag, uint64_t offset_bytes, uint32_t length_bytes) {
  return reader_->Start({.tag = tag,
                         .volume = &volume_,
                         .offset_bytes = offset_bytes,
                         .length_bytes = length_bytes,
                         .destination = pool_.buffer(tag)});
}

ChunkResult DiskReader::ReadOne(uint64_t offset_bytes, uint32_t length_bytes) {
  EXPECT_EQ(Start(0, offset_bytes, length_bytes), absl::OkStatus());
  return WaitForOne(*reader_);
}

std::vector<FailedChunk> DiskReader::ReadAll() {
  return RunChunks(
      *reader_, ChunkOffsets(disk_, kChunkBytes), [&](uint32_t buffer, uint64_t offset) { return Start(buffer, offset); },
      [&](const ChunkResult& result, uint64_t offset) {
        EXPECT_EQ(disk_.content.FirstDifference(pool_.buffer(static_cast<uint32_t>(result.tag)), offset), std::nullopt);
      });
}

}  // namespace penstock::guest
