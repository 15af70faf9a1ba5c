// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/read_error.h"

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

struct Meaning {
  absl::StatusCode code;
  const char* fix;
};

constexpr char kUsePread[] = "use path pread";
constexpr char kUseRead[] = "use path read, which leaves the command to the kernel";

/// What a path other than this one would not stumble over.
const char* OtherPath(ReadPath path) {
  switch (path) {
    case ReadPath::kBar:
    case ReadPath::kNvme: return kUseRead;
    case ReadPath::kRead: return kUsePread;
    case ReadPath::kPread: break;
  }
  return "check that the file can be read or written with dd";
}

/// What only a write can meet, or what means something else for it; nothing: the same as for a read.
std::optional<Meaning> MeaningOfWrite(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return Meaning{absl::StatusCode::kFailedPrecondition, "free space on the file system or the drive, then write again"};
    case EFBIG: return Meaning{absl::StatusCode::kOutOfRange, "write below the file system's and ulimit -f's limit of a file"};
    case EROFS:
      return Meaning{absl::StatusCode::kFailedPrecondition,
                     "make the file system or device writable (mount -o remount,rw, blockdev "
                     "--setrw), and open the volume again"};
    case ETXTBSY: return Meaning{absl::StatusCode::kFailedPrecondition, "take the file out of use (swapoff), then write again"};
    case EBADF:
      return Meaning{absl::StatusCode::kFailedPrecondition,
                     "open the volume for writing, and keep it open until its writes have ended"};
    case EPERM:
    case EACCES:
      return Meaning{
          absl::StatusCode::kPermissionDenied,
          "give this user read and write access to the node (passthrough needs root before kernel 6.2), lift the seal or "
          "immutable flag of a file, or use path read"};
    case EFAULT:
      return Meaning{
          absl::StatusCode::kInvalidArgument,
          "write out of one buffer of the pool that the queue was opened with, in memory whose pages the kernel can pin; "
          "otherwise use path pread"};
    case ECANCELED: return Meaning{absl::StatusCode::kCancelled, "write the extent again: what it holds now is not known"};
    case EINTR:
    case EAGAIN:
    case ENOMEM:
    case ENODEV:
    case ENXIO:
    case EINVAL:
    case EOPNOTSUPP: return std::nullopt;
    default:
      return Meaning{absl::StatusCode::kDataLoss,
                     "look in the kernel log (dmesg) for the device; what the extent holds now is not known"};
  }
}

Meaning MeaningOf(int error_number, ReadPath path) {
  switch (error_number) {
    case EINTR:
    case EAGAIN: return {absl::StatusCode::kUnavailable, "lower the load on the volume, or raise retry_limit"};
    case ENOMEM: return {absl::StatusCode::kUnavailable, "free memory, or use a smaller depth"};
    case ENODEV:
    case ENXIO:
      return {absl::StatusCode::kUnavailable, "look in the kernel log (dmesg) why the device is gone, and open it again"};
    case EINVAL: return {absl::StatusCode::kFailedPrecondition, OtherPath(path)};
    case EOPNOTSUPP: return {absl::StatusCode::kUnimplemented, OtherPath(path)};
    case EACCES:
    case EPERM:
      return {absl::StatusCode::kPermissionDenied, "run as root, which passthrough needs before kernel 6.2, or use path read"};
    case EFAULT:
      return {absl::StatusCode::kInvalidArgument,
              "read into one buffer of the pool that the queue was opened with, in memory whose pages the kernel can pin; "
              "otherwise use path pread"};
    case EBADF: return {absl::StatusCode::kFailedPrecondition, "keep the volume open until its reads have completed"};
    case ECANCELED: return {absl::StatusCode::kCancelled, "start the read again"};
    default:
      return {absl::StatusCode::kDataLoss, "look in the kernel log (dmesg) for the device, and restore the data from a copy"};
  }
}

}  // namespace

std::string ActOn(const Extent& extent) {
  return absl::StrCat(ParticipleOf(extent.direction), " ", extent.length_bytes, " bytes at offset ", extent.offset_bytes, " of ",
                      extent.volume.name());
}

absl::Status ReadError(int error_number, ReadPath path, const Extent& extent) {
  const std::optional<Meaning> of_write = extent.direction == Direction::kWrite ? MeaningOfWrite(error_number) : std::nullopt;
  const Meaning meaning = of_write.has_value() ? *of_write : MeaningOf(error_number, path);
  return MakeErrnoError(meaning.code, error_number,
                        What(absl::StrCat(ActOn(extent), " by path ", std::string(ReadPathName(path)), " failed")),
                        Fix(meaning.fix));
}

}  // namespace penstock::driver
