// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads result files of `penstock bench`, and refuses what is none.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "benchmarks/report/result.h"

namespace penstock::report {

/// The result that `text` holds; `name` is what errors and readers call it.
/// Errors: InvalidArgument where the text is no JSON, has another schema, or lacks a field: its JSON pointer is named.
/// Threads: any.
absl::StatusOr<Result> ParseResult(absl::string_view text, std::string name);

/// ParseResult of a file of at most 256 MiB, named after the file without its folder and ".json".
/// Errors: those of ParseResult; NotFound and others with the errno of a file that cannot be read. Threads: any.
absl::StatusOr<Result> ReadResultFile(const std::string& path);

}  // namespace penstock::report
