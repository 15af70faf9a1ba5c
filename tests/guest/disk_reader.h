// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A disk read in chunks by a Reader, without the pump: every chunk's own end is seen.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "penstock/buffer_pool.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {

struct FailedChunk {
  uint64_t offset_bytes;
  absl::Status status;
};

/// The end of the one chunk that is in flight.
ChunkResult WaitForOne(Reader& reader);

/// Starts a chunk for each offset, as many at once as the reader's depth, each with a buffer of its own (`start`: which, and
/// where), and hands those that ended well to `landed`. The chunks that failed, in the order of their offsets.
std::vector<FailedChunk> RunChunks(Reader& reader, const std::vector<uint64_t>& offsets,
                                   const std::function<absl::Status(uint32_t buffer, uint64_t offset_bytes)>& start,
                                   const std::function<void(const ChunkResult& result, uint64_t offset_bytes)>& landed);

/// Where the chunks of a disk begin, in the order of their places.
std::vector<uint64_t> ChunkOffsets(const Disk& disk, uint32_t chunk_bytes);

/// Owns everything that a Reader needs on one disk. Buffers of path bar are in the memory of the controller MEMORY.
class DiskReader {
 public:
  static constexpr uint32_t kChunkBytes = 64 * 1024;
  static constexpr uint32_t kDepth = 8;

  DiskReader(const Disk& disk, ReadPath path, absl::Duration read_timeout = absl::Seconds(20));
  ~DiskReader();

  /// Reads all of it; the chunks that failed, in the order of their offsets. The others' bytes are right, or the test fails.
  std::vector<FailedChunk> ReadAll();
  /// One chunk into buffer 0, from its start to its end.
  ChunkResult ReadOne(uint64_t offset_bytes, uint32_t length_bytes);

  Reader& reader() { return *reader_; }
  const Volume& volume() const { return volume_; }
  absl::Span<std::byte> buffer(uint32_t index) const { return pool_.buffer(index); }
  /// Into buffer `tag`.
  absl::Status Start(uint32_t tag, uint64_t offset_bytes, uint32_t length_bytes = kChunkBytes);

 private:
  const Disk disk_;
  const Volume volume_;
  const BufferPool pool_;
  std::unique_ptr<ReadQueue> queue_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace penstock::guest
