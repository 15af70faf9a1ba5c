// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/volume.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "driver/device_use.h"
#include "driver/direct_io.h"
#include "driver/nvme_ioctl.h"
#include "driver/nvme_sysfs.h"
#include "penstock/error.h"

namespace penstock {
namespace {

using driver::DeviceFacts;
using driver::NodeKind;

constexpr uint32_t kUnknownAlignmentBytes = 4096;

/// What only opening to write can meet.
absl::Status WriteError(int error_number, const std::string& path) {
  switch (error_number) {
    case EBUSY:
      return MakeErrnoError(absl::StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(path,
                                              " is in use and must not be written: it or a part of it is mounted, swapped to, "
                                              "part of another device, or claimed by a program")),
                            Fix("see what uses it (lsblk, findmnt, swapon, fuser), and take that away first"));
    case ETXTBSY:
      return MakeErrnoError(absl::StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(path, " is in use as a program or as swap, and must not be written")),
                            Fix("end the program, or swapoff"));
    case EROFS:
      return MakeErrnoError(absl::StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(path, " is write-protected, or on a file system that is")),
                            Fix("make it writable (mount -o remount,rw, blockdev --setrw), or name another one"));
    default:
      return MakeErrnoError(
          absl::StatusCode::kPermissionDenied, error_number, What(absl::StrCat("cannot open ", path, " to write")),
          Fix("give this user read and write access (chmod, setfacl, or the disk group for a block device), and "
              "see that the file is not immutable (lsattr)"));
  }
}

absl::Status OpenError(int error_number, const std::string& path, int access = O_RDONLY) {
  const bool of_writing = error_number == EBUSY || error_number == ETXTBSY || error_number == EROFS || error_number == EACCES ||
                          error_number == EPERM;
  if (access != O_RDONLY && of_writing) return WriteError(error_number, path);
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

absl::Status RefuseDirectory(const std::string& path) {
  if (faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) == 0) {
    return WrongKind(path, "a directory", "name the files in it");
  }
  return MakeErrnoError(absl::StatusCode::kPermissionDenied, errno, What(absl::StrCat("directory ", path, " cannot be listed")),
                        Fix("get the rights to read and search it, or name files that you may read"));
}

absl::Status CheckKind(const std::string& path, mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFBLK:
    case S_IFCHR: return absl::OkStatus();
    case S_IFDIR: return RefuseDirectory(path);
    case S_IFIFO: return WrongKind(path, "a FIFO", "write what comes out of it to a file and name that");
    case S_IFSOCK: return WrongKind(path, "a socket", "write what comes out of it to a file and name that");
    default: return WrongKind(path, "of an unknown kind", "name a regular file or a block device");
  }
}

absl::StatusOr<uint64_t> SizeOf(int fd, const std::string& name) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return OpenError(errno, name);
  if (!S_ISBLK(status.st_mode)) return static_cast<uint64_t>(status.st_size);
  uint64_t bytes = 0;
  if (ioctl(fd, BLKGETSIZE64, &bytes) == 0) return bytes;
  return MakeErrnoError(absl::StatusCode::kUnavailable, errno, What(absl::StrCat("cannot ask ", name, " for its size")),
                        Fix("check with lsblk that the device is still there"));
}

/// What is made up as it is read has no end that could be known before: stat says 0 bytes of it, or a page.
absl::Status CheckTellsSize(int fd, uint64_t size_bytes, const std::string& path) {
  const char* const kernel = driver::KernelFileSystemOf(fd);
  std::byte first{};
  // Not of the kernel's own files: some of them give each byte once.
  const bool has_more = kernel == nullptr && size_bytes == 0 && pread(fd, &first, 1, 0) > 0;
  if (kernel == nullptr && !has_more) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat(path, " tells no size: ",
                                     has_more ? "it is said to be empty, and is not"
                                              : absl::StrCat("it is on ", kernel, ", where files are made up as they are read"))),
                   Fix("copy it to a file first, and name that"));
}

/// The logical block of a block device, 1 for a file.
uint32_t BlockBytes(int fd) {
  int bytes = 0;
  return ioctl(fd, BLKSSZGET, &bytes) == 0 && bytes > 0 ? static_cast<uint32_t>(bytes) : 1;
}

/// Opens `path` to wait, with the access that is asked for, and makes sure that it is still what it was when it was looked at:
/// names can change. A file that is to be written must be the very one.
absl::StatusOr<FileDescriptor> OpenSame(const std::string& path, const struct stat& expected, int access) {
  FileDescriptor fd(open(path.c_str(), access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd.get() < 0) return OpenError(errno, path, access);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return OpenError(errno, path);
  const bool same_kind = (status.st_mode & S_IFMT) == (expected.st_mode & S_IFMT) && status.st_rdev == expected.st_rdev;
  const bool same_file = status.st_dev == expected.st_dev && status.st_ino == expected.st_ino;
  if (!same_kind || (access != O_RDONLY && !same_file)) {
    return MakeError(absl::StatusCode::kUnavailable, What(absl::StrCat(path, " became something else while it was opened")),
                     Fix("leave it in place while it is opened"));
  }
  // O_NONBLOCK was for a FIFO put there in between. Left on, io_uring would answer EAGAIN instead of waiting for the disk.
  if (fcntl(fd.get(), F_SETFL, 0) != 0) return OpenError(errno, path);
  return fd;
}

/// Opens a device's node that was found by its name in sysfs, where /dev may say otherwise.
absl::StatusOr<FileDescriptor> OpenNode(const std::string& path, NodeKind kind, int access) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return OpenError(errno, path);
  const bool right_kind = kind == NodeKind::kCharacter ? S_ISCHR(status.st_mode) : S_ISBLK(status.st_mode);
  const absl::StatusOr<DeviceFacts> facts = driver::FindDevice(status.st_rdev, kind);
  if (!right_kind || !facts.ok() || absl::StrCat("/dev/", facts->name) != path) {
    return MakeError(absl::StatusCode::kUnavailable, What(absl::StrCat(path, " is not the node of the device of that name")),
                     Fix("make it anew with the device number that sysfs tells, or in a container pass it in (--device)"));
  }
  return OpenSame(path, status, access);
}

/// Passthrough hands over blocks as they lie on the drive. What would make them mean something else is refused.
absl::Status CheckFormat(const NvmeNamespace& nvme, const std::string& name) {
  if (nvme.metadata_bytes == 0) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      What(absl::StrCat("the blocks of ", name, " have ", nvme.metadata_bytes, " bytes of metadata each, ",
                        nvme.metadata_interleaved ? "which lie between the data" : "which passthrough leaves unchecked")),
      Fix("use path read if the kernel shows the block device with its full size, or copy the data to a namespace "
          "formatted without metadata"));
}

absl::Status NotAWholeNamespace(const std::string& path, const DeviceFacts& facts) {
  if (facts.partition.has_value() && facts.space.has_value()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat(path, " is a partition, and passthrough knows only the whole namespace")),
                     Fix(absl::StrCat("name ", facts.space->char_node, " with offset ", facts.partition->offset_bytes,
                                      " and length ", facts.partition->size_bytes, ", or use path read")));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat(path, " is no NVMe namespace")),
                   Fix("name a namespace (/dev/ng0n1), or use path read"));
}

}  // namespace

void Volume::Refuse(ReadPath path, const absl::Status& status) { Support(path, {.refusal = RefusalOf(path, status)}); }

void Volume::RefusePassthrough(const absl::Status& status) {
  Refuse(ReadPath::kBar, status);
  Refuse(ReadPath::kNvme, status);
}

absl::StatusOr<Volume> Volume::Open(const std::string& path) { return OpenAs(path, /*writable=*/false); }

absl::StatusOr<Volume> Volume::OpenForWriting(const std::string& path) { return OpenAs(path, /*writable=*/true); }

int Volume::access() const { return writable_ ? O_RDWR : O_RDONLY; }

absl::StatusOr<Volume> Volume::OpenAs(const std::string& path, bool writable) {
  struct stat status {};
  // Looked at before it is opened, because opening some devices does something.
  if (stat(path.c_str(), &status) != 0) return OpenError(errno, path);
  PENSTOCK_RETURN_IF_ERROR(CheckKind(path, status.st_mode));
  Volume volume;
  volume.name_ = path;
  volume.writable_ = writable;
  volume.file_system_ = S_ISREG(status.st_mode) ? status.st_dev : status.st_rdev;
  const bool is_char_node = S_ISCHR(status.st_mode);
  absl::StatusOr<DeviceFacts> facts = DeviceFacts{};
  if (!S_ISREG(status.st_mode))
    facts = driver::FindDevice(status.st_rdev, is_char_node ? NodeKind::kCharacter : NodeKind::kBlock);
  if (facts.ok() && facts->space.has_value() && !facts->partition.has_value()) {
    PENSTOCK_RETURN_IF_ERROR(volume.OpenNamespace(*facts->space, is_char_node));
    return volume;
  }
  if (is_char_node) return WrongKind(path, "a character device", "name a file, a block device or an NVMe namespace (/dev/ng0n1)");
  if (writable && !facts.ok()) return facts.status();
  PENSTOCK_RETURN_IF_ERROR(volume.OpenPlain(path, status));
  volume.RefusePassthrough(facts.ok() ? NotAWholeNamespace(path, *facts) : facts.status());
  return volume;
}

/// From now on nobody can mount the device, swap to it, or make it part of another one, until the claim is closed.
absl::Status Volume::Claim(FileDescriptor claim) {
  struct stat status {};
  if (fstat(claim.get(), &status) != 0) return OpenError(errno, name_);
  PENSTOCK_RETURN_IF_ERROR(driver::CheckDeviceUnused(status.st_rdev, name_));
  claim_ = std::move(claim);
  return absl::OkStatus();
}

/// The character node knows no mounts and no claims; the block node of the same namespace does.
absl::Status Volume::ClaimNamespace(const NvmeNamespace& facts) {
  if (facts.block_node.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat("whether ", name_, " is in use cannot be told: the kernel shows no block device for it")),
                     Fix("look in the kernel log (dmesg) why, and write to a namespace that has one"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(FileDescriptor claim, OpenNode(facts.block_node, NodeKind::kBlock, O_RDWR | O_EXCL));
  return Claim(std::move(claim));
}

/// A file, or a block device that is no whole namespace.
absl::Status Volume::OpenPlain(const std::string& path, const struct stat& status) {
  if (writable_ && S_ISBLK(status.st_mode)) {
    PENSTOCK_ASSIGN_OR_RETURN(FileDescriptor claim, OpenSame(path, status, O_RDWR | O_EXCL));
    PENSTOCK_RETURN_IF_ERROR(Claim(std::move(claim)));
  } else if (writable_) {
    PENSTOCK_RETURN_IF_ERROR(driver::CheckFileUnused(path));
  }
  PENSTOCK_ASSIGN_OR_RETURN(FileDescriptor fd, OpenSame(path, status, access()));
  return OpenFile(path, std::move(fd));
}

/// What the kernel reads by itself: a file or a block device.
absl::Status Volume::OpenFile(const std::string& path, FileDescriptor fd) {
  PENSTOCK_ASSIGN_OR_RETURN(size_bytes_, SizeOf(fd.get(), path));
  PENSTOCK_RETURN_IF_ERROR(CheckTellsSize(fd.get(), size_bytes_, path));
  block_bytes_ = BlockBytes(fd.get());
  buffered_ = std::move(fd);
  Support(ReadPath::kPread, {.fd = buffered_.get()});
  absl::StatusOr<driver::DirectFile> direct = driver::OpenDirect(path, buffered_.get());
  if (!direct.ok()) {
    Refuse(ReadPath::kRead, direct.status());
    return absl::OkStatus();
  }
  direct_ = std::move(direct->fd);
  Support(ReadPath::kRead, {.fd = direct_.get(),
                            .offset_alignment_bytes = direct->offset_alignment_bytes,
                            .memory_alignment_bytes = direct->memory_alignment_bytes});
  return absl::OkStatus();
}

/// Both nodes lead to the same blocks: the character node to the controller itself, the block node through the kernel's block
/// layer. Either may be missing or closed to this user.
absl::Status Volume::OpenNamespace(const NvmeNamespace& facts, bool named_by_char_node) {
  is_nvme_ = true;
  if (writable_) PENSTOCK_RETURN_IF_ERROR(ClaimNamespace(facts));
  const absl::Status by_controller = OpenCharNode(facts);
  if (!by_controller.ok()) RefusePassthrough(by_controller);
  const absl::Status by_kernel = OpenBlockNode(facts);
  if (!by_kernel.ok() && writable_) return by_kernel;  // It was claimed, and something is wrong with it all the same.
  if (!by_kernel.ok()) {
    Refuse(ReadPath::kRead, by_kernel);
    Refuse(ReadPath::kPread, by_kernel);
  }
  if (by_controller.ok() || by_kernel.ok()) return absl::OkStatus();
  return named_by_char_node ? by_controller : by_kernel;
}

absl::Status Volume::OpenCharNode(const NvmeNamespace& facts) {
  NvmeNamespace nvme = facts;
  if (nvme.char_node.empty()) {
    return MakeError(absl::StatusCode::kUnimplemented, What(absl::StrCat("the kernel has no character node for ", name_)),
                     Fix("use Linux 5.19 or later, or path read"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(passthrough_, OpenNode(nvme.char_node, NodeKind::kCharacter, access()));
  const driver::NvmeNode node{passthrough_.get(), nvme.char_node};
  PENSTOCK_RETURN_IF_ERROR(driver::IdentifyNamespace(node, nvme));
  PENSTOCK_RETURN_IF_ERROR(driver::IdentifyController(node, nvme.controller));
  nvme_ = std::move(nvme);
  size_bytes_ = nvme_->size_bytes();
  block_bytes_ = nvme_->block_bytes;
  PENSTOCK_RETURN_IF_ERROR(CheckFormat(*nvme_, name_));
  const uint32_t memory_alignment = nvme_->memory_alignment > 0 ? nvme_->memory_alignment : kUnknownAlignmentBytes;
  for (const ReadPath path : {ReadPath::kBar, ReadPath::kNvme}) {
    Support(path, {.fd = passthrough_.get(), .offset_alignment_bytes = block_bytes_, .memory_alignment_bytes = memory_alignment});
  }
  return absl::OkStatus();
}

absl::Status Volume::OpenBlockNode(const NvmeNamespace& facts) {
  const std::string& path = facts.block_node;
  if (path.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat("the kernel shows no block device for ", name_)),
                     Fix("use path nvme, or look in the kernel log (dmesg) why"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(FileDescriptor fd, OpenNode(path, NodeKind::kBlock, access()));
  PENSTOCK_ASSIGN_OR_RETURN(const uint64_t kernel_bytes, SizeOf(fd.get(), path));
  if (nvme_.has_value() && kernel_bytes != size_bytes_) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat("the kernel gives ", path, " ", kernel_bytes, " bytes, the controller ", size_bytes_,
                                       ": it cannot use the format of its blocks, or has not seen it resized")),
                     Fix("rescan the controller (nvme ns-rescan), or format the namespace without metadata, which erases it"));
  }
  return OpenFile(path, std::move(fd));
}

absl::StatusOr<uint64_t> Volume::CurrentSizeBytes() const {
  return buffered_.get() >= 0 ? SizeOf(buffered_.get(), name_) : absl::StatusOr<uint64_t>(size_bytes_);
}

std::optional<std::string> ControllerOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  const bool is_device = S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode);
  const absl::StatusOr<DeviceFacts> facts = driver::FindDevice(is_device ? status.st_rdev : status.st_dev,
                                                               S_ISCHR(status.st_mode) ? NodeKind::kCharacter : NodeKind::kBlock);
  if (!facts.ok() || !facts->space.has_value()) return std::nullopt;
  return facts->space->controller.name;
}

}  // namespace penstock
