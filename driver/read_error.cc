// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/read_error.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

struct Meaning {
  absl::StatusCode code;
  const char* fix;
};

constexpr char kUsePread[] = "use --path=pread";
constexpr char kUseRead[] = "use --path=read, which leaves the command to the kernel";

/// What a path other than this one would not stumble over.
const char* OtherPath(ReadPath path) {
  switch (path) {
    case ReadPath::kBar:
    case ReadPath::kNvme: return kUseRead;
    case ReadPath::kRead: return kUsePread;
    case ReadPath::kPread: break;
  }
  return "check that the file can be read with dd";
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
      return {absl::StatusCode::kPermissionDenied, "run as root, which passthrough needs before kernel 6.2, or use --path=read"};
    case EFAULT:
      return {absl::StatusCode::kInvalidArgument,
              "read into one buffer of the pool that the queue was opened with, in memory whose pages the kernel can pin; "
              "otherwise use --path=pread"};
    case EBADF: return {absl::StatusCode::kFailedPrecondition, "keep the volume open until its reads have completed"};
    case ECANCELED: return {absl::StatusCode::kCancelled, "start the read again"};
    default:
      return {absl::StatusCode::kDataLoss, "look in the kernel log (dmesg) for the device, and restore the data from a copy"};
  }
}

}  // namespace

absl::Status ReadError(int error_number, ReadPath path, const Extent& extent) {
  const Meaning meaning = MeaningOf(error_number, path);
  const std::string_view name = ReadPathName(path);
  return MakeErrnoError(
      meaning.code, error_number,
      What(absl::StrCat("reading ", extent.length_bytes, " bytes at offset ", extent.offset_bytes, " of ", extent.volume.name(),
                        " by path ", absl::string_view(name.data(), name.size()), " failed")),
      Fix(meaning.fix));
}

}  // namespace penstock::driver
