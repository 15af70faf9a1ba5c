// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fio's job files, as text: sections of `name=value`. What the names mean is the option table's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/bench/bench_options.h"

namespace penstock::bench {

struct JobFile {
  std::vector<JobOptions> jobs;  // one a section, in the file's order, with what [global] sections before it say
  RunOptions run;
};

/// The bytes may be anybody's: whatever they are, they are read or refused. Lines that begin with # or ; are comments, and so is
/// what follows one of these after a space. [global] holds for the sections after it; every other section is a job.
///
/// Errors: InvalidArgument, with the line's number; what is allowed; for an unknown name the
/// most similar one that there is. Threads: any. Cost: in proportion to the text, which is at most kMaxJobFileBytes.
absl::StatusOr<JobFile> ParseJobFile(std::string_view text);

constexpr size_t kMaxJobFileBytes = 1 << 20;
constexpr size_t kMaxJobFileLineBytes = 4096;
constexpr size_t kMaxJobFileSections = 256;

}  // namespace penstock::bench
