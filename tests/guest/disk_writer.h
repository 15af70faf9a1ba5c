// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A disk written in chunks by a Reader: what lands there are the bytes that the host expects of a disk that was written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "penstock/buffer_pool.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/guest/disk_reader.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {

/// Owns everything that a Reader needs to write to one disk, by either of its nodes, from memory of that kind.
class DiskWriter {
 public:
  static constexpr uint32_t kChunkBytes = 64 * 1024;
  static constexpr uint32_t kDepth = 8;

  DiskWriter(const Disk& disk, const std::string& node, ReadPath path, const BufferPoolMaker& make_pool);
  ~DiskWriter();

  /// Writes all of it, in no order of places; the chunks that failed, in the order of their offsets.
  std::vector<FailedChunk> WriteAll();
  /// One chunk out of buffer 0, from its start to its end.
  ChunkResult WriteOne(uint64_t offset_bytes, uint32_t length_bytes);
  absl::Status Start(uint32_t tag, uint64_t offset_bytes, uint32_t length_bytes = kChunkBytes);

  Reader& reader() { return *reader_; }
  const ReadQueue& queue() const { return *queue_; }

 private:
  const Disk disk_;
  const Volume volume_;
  const BufferPool pool_;
  std::unique_ptr<ReadQueue> queue_;
  std::unique_ptr<Reader> reader_;
};

/// The disk has what was written all over it, as path `path` reads it.
void ExpectRewritten(const Disk& disk, ReadPath path);

}  // namespace penstock::guest
