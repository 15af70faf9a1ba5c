// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The options of `penstock bench`, with fio's names where fio has them. One table, for command lines and for job files.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "benchmarks/bench/bench_options.h"

namespace penstock::bench {

/// What an option is written into. `run` is null inside a section of a job file that is not [global].
struct OptionTarget {
  JobOptions* job = nullptr;
  RunOptions* run = nullptr;
};

struct BenchOption {
  absl::string_view name;  // with underscores: output_format
  bool is_switch;          // may stand without a value
  bool is_of_run;          // of all runs, not of a job
  /// Takes a value. Empty if it is one, otherwise what is allowed, as a sentence to follow "Fix: ".
  std::string (*take)(absl::string_view value, const OptionTarget& target);
};

absl::Span<const BenchOption> BenchOptionTable();

/// Null if there is none of that name. Dashes are as good as underscores.
const BenchOption* FindBenchOption(absl::string_view name);

/// An error for a name that is not in the table: with what to write instead, if it is fio's, or else the most similar name that
/// there is. `dashes`: "--" on a command line, nothing in a job file.
absl::Status UnknownBenchOption(absl::string_view name, absl::string_view dashes);

/// Takes `value` as that of `name`. Errors: InvalidArgument.
absl::Status TakeBenchOption(const BenchOption& option, absl::string_view value, absl::string_view dashes,
                             const OptionTarget& target);

/// `text` as it can be printed: no control characters, and not endless.
std::string Printable(absl::string_view text);

}  // namespace penstock::bench
