// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/disk_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace penstock::guest {

DiskWriter::DiskWriter(const Disk& disk, const std::string& node, ReadPath path, const BufferPoolMaker& make_pool)
    : disk_(disk),
      volume_(Volume::OpenForWriting(node).value()),
      pool_(make_pool({.buffer_bytes = kChunkBytes, .buffer_count = kDepth}).value()),
      queue_(OpenReadQueue(path, pool_, {.depth = kDepth}).value()),
      reader_(std::make_unique<Reader>(*queue_, Reader::Options{.depth = kDepth, .read_timeout = absl::Seconds(20)})) {
  queue_->Attach(volume_);
}

DiskWriter::~DiskWriter() {
  EXPECT_EQ(reader_->Drain(absl::Seconds(20)), absl::OkStatus());
  queue_->Detach(volume_);
}

absl::Status DiskWriter::Start(uint32_t tag, uint64_t offset_bytes, uint32_t length_bytes) {
  const absl::Span<std::byte> buffer = pool_.buffer(tag);
  if (offset_bytes % DiskBytes::kUnitBytes == 0) disk_.rewritten.Fill(buffer, offset_bytes);
  return reader_->Start({.tag = tag,
                         .volume = &volume_,
                         .offset_bytes = offset_bytes,
                         .length_bytes = length_bytes,
                         .destination = buffer,
                         .direction = Direction::kWrite});
}

ChunkResult DiskWriter::WriteOne(uint64_t offset_bytes, uint32_t length_bytes) {
  EXPECT_EQ(Start(0, offset_bytes, length_bytes), absl::OkStatus());
  return WaitForOne(*reader_);
}

std::vector<FailedChunk> DiskWriter::WriteAll() {
  std::vector<uint64_t> offsets = ChunkOffsets(disk_, kChunkBytes);
  std::shuffle(offsets.begin(), offsets.end(), std::mt19937(1));
  return RunChunks(
      *reader_, offsets, [&](uint32_t buffer, uint64_t offset) { return Start(buffer, offset); },
      [](const ChunkResult& result, uint64_t) { EXPECT_EQ(result.bytes, kChunkBytes); });
}

void ExpectRewritten(const Disk& disk, ReadPath path) {
  Disk written = disk;
  written.content = disk.rewritten;
  EXPECT_TRUE(DiskReader(written, path).ReadAll().empty()) << ReadPathName(path);
}

}  // namespace penstock::guest
