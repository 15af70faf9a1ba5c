// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A volume: a file (or block device) opened for ingest, read-only.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/read_path.h"

namespace penstock {

/// Owns up to two descriptors of one file: one through the page cache, always, and one with O_DIRECT where the file system
/// has it. Movable. Threads: const after opening.
class Volume {
 public:
  /// Opens `path` read-only. Never blocks on a FIFO, never opens a terminal or another character device.
  /// Errors, each with a remedy: NotFound, PermissionDenied, InvalidArgument (a directory, FIFO, socket or character device),
  /// Unavailable for other refusals of the system; the errno is attached.
  static absl::StatusOr<Volume> Open(const std::string& path);

  Volume(Volume&& other) noexcept;
  Volume& operator=(Volume&& other) noexcept;
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;
  ~Volume();

  const std::string& name() const { return name_; }
  /// Size when it was opened.
  uint64_t size_bytes() const { return size_bytes_; }
  /// Size now. Errors: Unavailable.
  absl::StatusOr<uint64_t> CurrentSizeBytes() const;
  /// st_dev, and st_rdev of a block device: volumes with the same one are on the same file system.
  uint64_t file_system() const { return file_system_; }

  /// Descriptor through the page cache.
  int buffered_fd() const { return buffered_fd_; }
  /// Descriptor with O_DIRECT, or -1: then direct_refusal() says why.
  int direct_fd() const { return direct_fd_; }
  const Refusal& direct_refusal() const { return direct_refusal_; }
  /// What O_DIRECT needs of file offsets and lengths (from statx; 4096 where the kernel does not say), in bytes.
  uint32_t offset_alignment_bytes() const { return offset_alignment_bytes_; }
  /// What O_DIRECT needs of memory addresses, in bytes.
  uint32_t memory_alignment_bytes() const { return memory_alignment_bytes_; }

 private:
  Volume() = default;
  void OpenDirect();

  std::string name_;
  uint64_t size_bytes_ = 0;
  uint64_t file_system_ = 0;
  int buffered_fd_ = -1;
  int direct_fd_ = -1;
  uint32_t offset_alignment_bytes_ = 1;
  uint32_t memory_alignment_bytes_ = 1;
  Refusal direct_refusal_{ReadPath::kRead, "", ""};
};

}  // namespace penstock
