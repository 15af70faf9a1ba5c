// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_causes.h"

#include <cerrno>

#include "penstock/error.h"

namespace penstock {
namespace {

using layout::IoCause;

/// Who would transfer it is gone: not only these bytes cannot be had.
bool IsGone(int error_number) {
  return error_number == ENODEV || error_number == ENXIO || error_number == ESHUTDOWN || error_number == ENOLINK ||
         error_number == ESTALE;
}

}  // namespace

IoCause IoCauseOf(const absl::Status& status) {
  const std::optional<int> error_number = ErrnoOf(status);
  if (!status.ok() && error_number.has_value() && IsGone(*error_number)) return IoCause::kVolumeGone;
  switch (status.code()) {
    case absl::StatusCode::kOk: return IoCause::kNone;
    case absl::StatusCode::kOutOfRange: return IoCause::kOutOfRange;
    case absl::StatusCode::kDeadlineExceeded: return IoCause::kTimedOut;
    case absl::StatusCode::kCancelled: return IoCause::kServiceStopped;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kPermissionDenied: return IoCause::kRefusedByPath;
    default: return IoCause::kMedium;  // DataLoss; Unavailable where retries did not help
  }
}

}  // namespace penstock
