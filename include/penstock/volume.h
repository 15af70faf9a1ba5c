// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A volume: a file, a block device or an NVMe namespace opened for ingest, read-only unless the program says in so many words
// that it is to be written.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/export.h"
#include "penstock/file_descriptor.h"
#include "penstock/nvme.h"
#include "penstock/read_path.h"

namespace PENSTOCK_API penstock {

/// How a path reads a volume: from which descriptor and in what steps, or why it cannot.
struct PathSupport {
  int fd = -1;                          // -1: not by this path, and `refusal` says why
  uint32_t offset_alignment_bytes = 1;  // of offsets and lengths
  uint32_t memory_alignment_bytes = 1;  // of addresses; may be less than a block
  Refusal refusal = {};                 // of use only if fd is -1
};

/// Movable. Threads: const after opening.
class Volume {
 public:
  /// Opens `path` read-only: a file, a block device, or an NVMe namespace by its character node (/dev/ng0n1), its block node
  /// (/dev/nvme0n1) or a link to one (/dev/disk/by-id/...). The namespace's other node is looked up, and opened where this user
  /// may. Never blocks on a FIFO, never opens a terminal or another character device.
  ///
  /// Errors, each with a remedy: NotFound, PermissionDenied, InvalidArgument (a directory, FIFO, socket or another character
  /// device; a file that tells no size, as those of /proc and /sys), FailedPrecondition (a namespace that no path can read),
  /// Unavailable for other refusals of the system; the errno is attached.
  static absl::StatusOr<Volume> Open(const std::string& path);

  /// Opens `path` to read and to write, as Open does, if writing harms nobody whom the kernel tells of; where that cannot be
  /// told, it is refused. A device, by whichever of a namespace's nodes it is named, is claimed by its block node (O_EXCL) for as
  /// long as the volume lives: refused if it or a partition of it is mounted, swapped to, part of another device (LVM, RAID, dm)
  /// or claimed by another program, and nobody can do any of that meanwhile. Also refused: a device or file that a loop device
  /// lies on; a namespace without a block node that this user may write, or with a second one whose users are not known; a file
  /// in use as swap or as a program; files of /proc, /sys and the like. Not seen: programs that have opened the device without a
  /// claim (a virtual machine, an NVMe target), other hosts, and who else writes to a file.
  ///
  /// Errors, besides those of Open, each with a remedy: FailedPrecondition (in use, write-protected, or it cannot be told).
  static absl::StatusOr<Volume> OpenForWriting(const std::string& path);

  /// The name that it was opened by.
  const std::string& name() const { return name_; }
  /// It came from OpenForWriting.
  bool writable() const { return writable_; }
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

  /// How a path reads this volume, or why it cannot.
  const PathSupport& support(ReadPath path) const { return supports_[static_cast<size_t>(path)]; }
  /// The path has a descriptor for this volume. Whether reads work is found out by ProbeRead.
  bool Supports(ReadPath path) const { return support(path).fd >= 0; }

 private:
  Volume() = default;
  static absl::StatusOr<Volume> OpenAs(const std::string& path, bool writable);
  int access() const;
  absl::Status Claim(FileDescriptor claim);
  absl::Status ClaimNamespace(const NvmeNamespace& facts);
  absl::Status OpenPlain(const std::string& path, const struct stat& status);
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
  bool writable_ = false;
  std::optional<NvmeNamespace> nvme_;
  FileDescriptor claim_;  // of the block device of a volume that is written; nobody else can claim it
  FileDescriptor buffered_;
  FileDescriptor direct_;
  FileDescriptor passthrough_;
  std::array<PathSupport, kReadPaths.size()> supports_;
};

/// The NVMe controller that serves a file or device, e.g. "nvme0"; nothing if none does, or if it cannot be told. Nothing is
/// opened. Threads: any.
std::optional<std::string> ControllerOf(const std::string& path);

}  // namespace penstock
