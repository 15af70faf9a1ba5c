// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/volume.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {
namespace {

constexpr uint32_t kUnknownAlignmentBytes = 4096;
// The remedy of every volume that direct I/O cannot read.
constexpr char kUsePread[] = "put the file on a disk file system, or use --path=pread";

absl::Status OpenError(int error_number, const std::string& path) {
  What what(absl::StrCat("cannot open ", path));
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return MakeErrnoError(absl::StatusCode::kNotFound, error_number, std::move(what), Fix("check the path with ls -l"));
    case EACCES:
    case EPERM:
      return MakeErrnoError(absl::StatusCode::kPermissionDenied, error_number, std::move(what),
                            Fix("give this user read access (chmod, setfacl, or the disk group for a block device)"));
    case ELOOP:
    case ENAMETOOLONG:
      return MakeErrnoError(absl::StatusCode::kInvalidArgument, error_number, std::move(what), Fix("name the file itself"));
    case EMFILE:
    case ENFILE:
      return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, std::move(what),
                            Fix("close files, or raise the limit of open files (ulimit -n)"));
    default:
      return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, std::move(what),
                            Fix("look in the kernel log (dmesg) for the device or file system"));
  }
}

absl::Status WrongKind(const std::string& path, const char* kind, const char* fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat(path, " is ", kind, ", not a file or block device")),
                   Fix(fix));
}

absl::Status CheckKind(const std::string& path, mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFBLK: return absl::OkStatus();
    case S_IFDIR: return WrongKind(path, "a directory", "name the files in it");
    case S_IFIFO: return WrongKind(path, "a FIFO", "write what comes out of it to a file and name that");
    case S_IFSOCK: return WrongKind(path, "a socket", "write what comes out of it to a file and name that");
    case S_IFCHR: return WrongKind(path, "a character device", "name a file, or the block device (/dev/nvme0n1, not /dev/ng0n1)");
    default: return WrongKind(path, "of an unknown kind", "name a regular file or a block device");
  }
}

absl::StatusOr<uint64_t> SizeOf(int fd, const struct stat& status, const std::string& name) {
  if (!S_ISBLK(status.st_mode)) return static_cast<uint64_t>(status.st_size);
  uint64_t bytes = 0;
  if (ioctl(fd, BLKGETSIZE64, &bytes) == 0) return bytes;
  return MakeErrnoError(absl::StatusCode::kUnavailable, errno, What(absl::StrCat("cannot ask ", name, " for its size")),
                        Fix("check with lsblk that the device is still there"));
}

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

absl::StatusOr<Volume> Volume::Open(const std::string& path) {
  struct stat status {};
  // Looked at before it is opened, because opening some devices does something; and once more after, because names can change.
  if (stat(path.c_str(), &status) != 0) return OpenError(errno, path);
  PENSTOCK_RETURN_IF_ERROR(CheckKind(path, status.st_mode));
  Volume volume;
  volume.name_ = path;
  volume.buffered_fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (volume.buffered_fd_ < 0) return OpenError(errno, path);
  if (fstat(volume.buffered_fd_, &status) != 0) return OpenError(errno, path);
  PENSTOCK_RETURN_IF_ERROR(CheckKind(path, status.st_mode));
  // O_NONBLOCK was for a FIFO put there in between. Left on, io_uring would answer EAGAIN instead of waiting for the disk.
  if (fcntl(volume.buffered_fd_, F_SETFL, 0) != 0) return OpenError(errno, path);
  PENSTOCK_ASSIGN_OR_RETURN(volume.size_bytes_, SizeOf(volume.buffered_fd_, status, path));
  volume.file_system_ = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
  volume.OpenDirect();
  return volume;
}

void Volume::OpenDirect() {
  const auto refuse = [this](const std::string& cause, const char* remedy = kUsePread) {
    direct_refusal_ = Refusal{ReadPath::kRead, absl::StrCat(name_, ": ", cause), remedy};
  };
  struct stat buffered {
  }, direct{};
  if (fstat(buffered_fd_, &buffered) != 0) return refuse("cannot be looked at");
  const bool is_block_device = S_ISBLK(buffered.st_mode);
  // A block device's node lies on a tmpfs of its own; that says nothing about the device.
  const char* const memory = is_block_device ? nullptr : MemoryFileSystem(buffered_fd_);
  if (memory != nullptr)
    return refuse(absl::StrCat(memory, " keeps its files in memory, so there is no storage to read from directly"));
  const Alignment alignment = DirectAlignment(buffered_fd_, is_block_device);
  if (alignment.offset_bytes == 0) return refuse("the file system has no direct I/O for this file (statx says so)");
  const int fd = open(name_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_DIRECT);
  if (fd < 0) return refuse(absl::StrCat("opening with O_DIRECT failed: ", strerrorname_np(errno)));
  const bool same = fstat(fd, &direct) == 0 && direct.st_dev == buffered.st_dev && direct.st_ino == buffered.st_ino;
  if (!same || fcntl(fd, F_SETFL, O_DIRECT) != 0) {
    close(fd);
    return refuse("the name led to another file when it was opened again", "leave the file in place while it is opened");
  }
  direct_fd_ = fd;
  offset_alignment_bytes_ = alignment.offset_bytes;
  memory_alignment_bytes_ = alignment.memory_bytes;
}

absl::StatusOr<uint64_t> Volume::CurrentSizeBytes() const {
  struct stat status {};
  if (fstat(buffered_fd_, &status) != 0) return OpenError(errno, name_);
  return SizeOf(buffered_fd_, status, name_);
}

Volume::Volume(Volume&& other) noexcept { *this = std::move(other); }

Volume& Volume::operator=(Volume&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(file_system_, other.file_system_);
  std::swap(buffered_fd_, other.buffered_fd_);
  std::swap(direct_fd_, other.direct_fd_);
  std::swap(offset_alignment_bytes_, other.offset_alignment_bytes_);
  std::swap(memory_alignment_bytes_, other.memory_alignment_bytes_);
  std::swap(direct_refusal_, other.direct_refusal_);
  return *this;
}

Volume::~Volume() {
  if (direct_fd_ >= 0) close(direct_fd_);
  if (buffered_fd_ >= 0) close(buffered_fd_);
}

}  // namespace penstock
