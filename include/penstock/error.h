// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How Penstock reports errors: an absl::Status that says what failed, and what to do about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// What failed on which object, with the values that matter. One sentence, no full stop.
struct What {
  /// The sentence.
  explicit What(std::string text) : text(std::move(text)) {}
  std::string text;  // as given
};

/// What the reader should do. One imperative sentence, no full stop. It cannot be left out.
struct Fix {
  /// The sentence.
  explicit Fix(std::string text) : text(std::move(text)) {}
  std::string text;  // as given
};

/// The one constructor of errors: "<what>. Fix: <fix>."
///
/// The code says what the caller does next: InvalidArgument fix the call; OutOfRange shorten; FailedPrecondition change the
/// state first; ResourceExhausted poll and retry; Unavailable retry with a limit; DeadlineExceeded the outcome is stated;
/// Unimplemented use the named alternative; DataLoss stop; Cancelled the caller asked for it; Internal our bug.
/// Requires: code is not OK. Threads: any.
absl::Status MakeError(absl::StatusCode code, What what, Fix fix);

/// MakeError with the errno of a failed system call attached; its name and meaning are added to the text.
/// `error_number` is positive, as errno is.
absl::Status MakeErrnoError(absl::StatusCode code, int error_number, What what, Fix fix);

/// MakeError with the NVMe status of a completed command attached; its value and do-not-retry bit are added to the text.
/// `nvme_status` has the 15 bits that the kernel hands over (driver/nvme_status.h decodes them) and is not 0.
absl::Status MakeNvmeError(absl::StatusCode code, uint16_t nvme_status, What what, Fix fix);

/// The same error, with where it happened put before its text. Code, remedy and payloads stay. OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view where);

/// The errno that an error carries, if it came from a system call.
std::optional<int> ErrnoOf(const absl::Status& status);

/// The NVMe status that an error carries, if a command ended with one.
std::optional<uint16_t> NvmeStatusOf(const absl::Status& status);

/// The text between "Fix: " and the final full stop; empty if `status` was not made by MakeError.
std::string RemedyOf(const absl::Status& status);

/// The text before "Fix: ".
std::string CauseOf(const absl::Status& status);

}  // namespace penstock

#define PENSTOCK_CONCAT_INNER(a, b) a##b
#define PENSTOCK_CONCAT(a, b) PENSTOCK_CONCAT_INNER(a, b)

/// Returns from the function with the error, if `expression` is one.
#define PENSTOCK_RETURN_IF_ERROR(expression)                                                        \
  do {                                                                                              \
    if (absl::Status penstock_status = (expression); !penstock_status.ok()) return penstock_status; \
  } while (false)

/// Declares or assigns `lhs` from a StatusOr, or returns its error.
#define PENSTOCK_ASSIGN_OR_RETURN(lhs, expression) \
  PENSTOCK_ASSIGN_OR_RETURN_INNER(PENSTOCK_CONCAT(status_or_, __LINE__), lhs, expression)
#define PENSTOCK_ASSIGN_OR_RETURN_INNER(result, lhs, expression) \
  auto result = (expression);                                    \
  if (!result.ok()) return std::move(result).status();           \
  lhs = *std::move(result)
