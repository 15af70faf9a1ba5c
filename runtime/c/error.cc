// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/c/error.h"

#include <exception>
#include <new>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::c {
namespace {

// The numbers are Abseil's, which are those of gRPC and will not change.
static_assert(PENSTOCK_OK == static_cast<int>(absl::StatusCode::kOk));
static_assert(PENSTOCK_CANCELLED == static_cast<int>(absl::StatusCode::kCancelled));
static_assert(PENSTOCK_INVALID_ARGUMENT == static_cast<int>(absl::StatusCode::kInvalidArgument));
static_assert(PENSTOCK_DEADLINE_EXCEEDED == static_cast<int>(absl::StatusCode::kDeadlineExceeded));
static_assert(PENSTOCK_NOT_FOUND == static_cast<int>(absl::StatusCode::kNotFound));
static_assert(PENSTOCK_PERMISSION_DENIED == static_cast<int>(absl::StatusCode::kPermissionDenied));
static_assert(PENSTOCK_RESOURCE_EXHAUSTED == static_cast<int>(absl::StatusCode::kResourceExhausted));
static_assert(PENSTOCK_FAILED_PRECONDITION == static_cast<int>(absl::StatusCode::kFailedPrecondition));
static_assert(PENSTOCK_OUT_OF_RANGE == static_cast<int>(absl::StatusCode::kOutOfRange));
static_assert(PENSTOCK_UNIMPLEMENTED == static_cast<int>(absl::StatusCode::kUnimplemented));
static_assert(PENSTOCK_INTERNAL == static_cast<int>(absl::StatusCode::kInternal));
static_assert(PENSTOCK_UNAVAILABLE == static_cast<int>(absl::StatusCode::kUnavailable));
static_assert(PENSTOCK_DATA_LOSS == static_cast<int>(absl::StatusCode::kDataLoss));

absl::Status StatusOf(absl::FunctionRef<absl::Status()> call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return MakeError(absl::StatusCode::kResourceExhausted, What("there is not enough memory for this call"),
                     Fix("free some, or ask for less at once"));
  } catch (const std::exception& thrown) {
    return MakeError(absl::StatusCode::kInternal, What(absl::StrCat("the call threw an exception: ", thrown.what())),
                     Fix("report it with the call's arguments"));
  }
}

int Report(const absl::Status& status, penstock_error** error) {
  if (!status.ok() && error != nullptr) {
    *error = new penstock_error{static_cast<int>(status.code()), ErrnoOf(status).value_or(0), CauseOf(status), RemedyOf(status)};
  }
  return static_cast<int>(status.code());
}

}  // namespace

int Guarded(penstock_error** error, absl::FunctionRef<absl::Status()> call) {
  try {
    return Report(StatusOf(call), error);
  } catch (const std::bad_alloc&) {
    return PENSTOCK_RESOURCE_EXHAUSTED;  // not even for the error's text
  }
}

absl::Status NullArgument(const char* function, const char* argument) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat(function, ": ", argument, " is null")),
                   Fix(absl::StrCat("hand over ", argument)));
}

}  // namespace penstock::c

const char* penstock_version(void) { return PENSTOCK_VERSION; }

int penstock_error_code(const penstock_error* error) { return error != nullptr ? error->code : PENSTOCK_OK; }

const char* penstock_error_cause(const penstock_error* error) { return error != nullptr ? error->cause.c_str() : ""; }

const char* penstock_error_remedy(const penstock_error* error) { return error != nullptr ? error->remedy.c_str() : ""; }

int penstock_error_errno(const penstock_error* error) { return error != nullptr ? error->error_number : 0; }

void penstock_error_free(penstock_error* error) { delete error; }
