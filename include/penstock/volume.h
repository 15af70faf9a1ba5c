// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A volume: a file, a block device or an NVMe namespace opened for ingest, read-only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/file_descriptor.h"
#include "penstock/nvme.h"
#include "penstock/read_path.h"

namespace penstock {

/// How a path reads a volume: from which descriptor and in what steps, or why it cannot.
struct PathSupport {
  int fd = -1;                          // -1: not by this path, and `refusal` says why
  uint32_t offset_alignment_bytes = 1;  // of offsets and lengths
  uint32_t memory_alignment_bytes = 1;  // of addresses
  Refusal refusal = {};
};

/// Movable. Threads: const after opening.
class Volume {
 public:
  /// Opens `path` read-only: a file, a block device, or an NVMe namespace by its character node (/dev/ng0n1), its block node
  /// (/dev/nvme0n1) or a link to one (/dev/disk/by-id/...). The namespace's other node is looked up, and opened where this user
  /// may. Never blocks on a FIFO, never opens a terminal or another character device.
  ///
  /// Errors, each with a remedy: NotFound, PermissionDenied, InvalidArgument (a directory, FIFO, socket or another character
  /// device), FailedPrecondition (a namespace that no path can read), Unavailable for other refusals of the system; the errno is
  /// attached.
  static absl::StatusOr<Volume> Open(const std::string& path);

  const std::string& name() const { return name_; }
  /// Size when it was opened.
  uint64_t size_bytes() const { return size_bytes_; }
  /// Size now. Errors: Unavailable.
  absl::StatusOr<uint64_t> CurrentSizeBytes() const;
  /// Extents begin and end at multiples of this: the logical block of a device, 1 for a file.
  uint32_t block_bytes() const { return block_bytes_; }
  /// st_dev, and the device number of a device: volumes with the same one are on the same file system.
  uint64_t file_system() const { return file_system_; }
  /// It is a whole NVMe namespace, whichever of its nodes could be opened.
  bool is_nvme() const { return is_nvme_; }
  /// Null if it is no whole NVMe namespace, or the namespace cannot be asked: then support(ReadPath::kNvme) says why.
  const NvmeNamespace* nvme() const { return nvme_.has_value() ? &*nvme_ : nullptr; }

  const PathSupport& support(ReadPath path) const { return supports_[static_cast<size_t>(path)]; }
  bool Supports(ReadPath path) const { return support(path).fd >= 0; }

 private:
  Volume() = default;
  absl::Status OpenFile(const std::string& path, FileDescriptor fd);
  absl::Status OpenNamespace(const NvmeNamespace& facts, bool named_by_char_node);
  absl::Status OpenCharNode(const NvmeNamespace& facts);
  absl::Status OpenBlockNode(const NvmeNamespace& facts);
  void Support(ReadPath path, PathSupport support) { supports_[static_cast<size_t>(path)] = std::move(support); }
  void Refuse(ReadPath path, const absl::Status& status);
  void RefusePassthrough(const absl::Status& status);

  std::string name_;
  uint64_t size_bytes_ = 0;
  uint64_t file_system_ = 0;
  uint32_t block_bytes_ = 1;
  bool is_nvme_ = false;
  std::optional<NvmeNamespace> nvme_;
  FileDescriptor buffered_;
  FileDescriptor direct_;
  FileDescriptor passthrough_;
  std::array<PathSupport, kReadPaths.size()> supports_;
};

/// The NVMe controller that serves a file or device, e.g. "nvme0"; nothing if none does, or if it cannot be told. Nothing is
/// opened. Threads: any.
std::optional<std::string> ControllerOf(const std::string& path);

}  // namespace penstock
