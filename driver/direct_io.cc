// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/direct_io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

constexpr uint32_t kUnknownAlignmentBytes = 4096;
// The remedy of every volume that direct I/O cannot read.
constexpr char kUsePread[] = "put the file on a disk file system, or use path pread";

/// Names the file system if it keeps its files in memory. Newer kernels accept O_DIRECT there, but the CPU copies every byte.
const char* MemoryFileSystem(int fd) {
  struct statfs status {};
  if (fstatfs(fd, &status) != 0) return nullptr;
  switch (static_cast<unsigned long>(status.f_type)) {
    case TMPFS_MAGIC: return "tmpfs";
    case RAMFS_MAGIC: return "ramfs";
    case HUGETLBFS_MAGIC: return "hugetlbfs";
    default: return nullptr;
  }
}

struct Alignment {
  uint32_t offset_bytes = kUnknownAlignmentBytes;
  uint32_t memory_bytes = kUnknownAlignmentBytes;
};

/// What direct I/O needs; offset_bytes is 0 where the kernel says that the file does not have it.
Alignment DirectAlignment(int fd, bool is_block_device) {
#ifdef STATX_DIOALIGN  // Kernel 6.1.
  struct statx status {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 && (status.stx_mask & STATX_DIOALIGN) != 0) {
    return {status.stx_dio_offset_align, status.stx_dio_mem_align};
  }
#endif
  int logical_block_bytes = 0;
  if (is_block_device && ioctl(fd, BLKSSZGET, &logical_block_bytes) == 0 && logical_block_bytes > 0) {
    return {static_cast<uint32_t>(logical_block_bytes), static_cast<uint32_t>(logical_block_bytes)};
  }
  return {};
}

}  // namespace

absl::StatusOr<DirectFile> OpenDirect(const std::string& path, int buffered_fd) {
  const auto refusal = [&path](const std::string& cause, const char* remedy = kUsePread) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat(path, ": ", cause)), Fix(remedy));
  };
  struct stat buffered {
  }, direct{};
  if (fstat(buffered_fd, &buffered) != 0) return refusal("cannot be looked at");
  const bool is_block_device = S_ISBLK(buffered.st_mode);
  // A block device's node lies on a tmpfs of its own; that says nothing about the device.
  const char* const memory = is_block_device ? nullptr : MemoryFileSystem(buffered_fd);
  if (memory != nullptr)
    return refusal(absl::StrCat(memory, " keeps its files in memory, so there is no storage to read from directly"));
  const Alignment alignment = DirectAlignment(buffered_fd, is_block_device);
  if (alignment.offset_bytes == 0) return refusal("the file system has no direct I/O for this file (statx says so)");
  const int access = fcntl(buffered_fd, F_GETFL) & O_ACCMODE;
  FileDescriptor fd(open(path.c_str(), access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_DIRECT));
  if (fd.get() < 0) return refusal(absl::StrCat("opening with O_DIRECT failed: ", strerrorname_np(errno)));
  const bool same = fstat(fd.get(), &direct) == 0 && direct.st_dev == buffered.st_dev && direct.st_ino == buffered.st_ino;
  if (!same || fcntl(fd.get(), F_SETFL, O_DIRECT) != 0) {
    return refusal("the name led to another file when it was opened again", "leave the file in place while it is opened");
  }
  return DirectFile{std::move(fd), alignment.offset_bytes, alignment.memory_bytes};
}

}  // namespace penstock::driver
