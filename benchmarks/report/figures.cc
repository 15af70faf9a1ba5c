// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/figures.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace penstock::report {
namespace {

/// Three digits: 8.25, 82.5, 825.
std::string Digits(double value) {
  const double size = std::fabs(value);
  return absl::StrFormat("%.*f", size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2, value);
}

template <size_t kUnits>
std::string Scaled(double value, double step, const char* const (&units)[kUnits]) {
  size_t unit = 0;
  for (; unit + 1 < kUnits && std::fabs(value) >= step - 0.5; ++unit) value /= step;
  return absl::StrCat(Digits(value), units[unit]);
}

}  // namespace

std::string FormatCount(double count) {
  if (count == std::floor(count) && std::fabs(count) < 1000) return absl::StrFormat("%.0f", count);
  return Scaled(count, 1000, {"", " k", " M", " G"});
}

std::string FormatBlock(uint64_t bytes) {
  constexpr std::pair<uint64_t, const char*> kUnits[] = {{uint64_t{1} << 30, " GiB"}, {1 << 20, " MiB"}, {1 << 10, " KiB"}};
  for (const auto& [step, unit] : kUnits) {
    // In eighths: three digits behind the point say all of it, and two sizes never look like one.
    if (bytes < step || bytes % step % (step / 8) != 0) continue;
    const double rest = static_cast<double>(bytes % step) / static_cast<double>(step);
    return absl::StrCat(bytes / step, absl::StripPrefix(absl::StrCat(rest), "0"), unit);
  }
  return absl::StrCat(bytes, " B");
}

std::string FormatBlocks(const Job& job) {
  if (job.min_block_bytes == job.max_block_bytes) return FormatBlock(job.max_block_bytes);
  return absl::StrCat(FormatBlock(job.min_block_bytes), " to ", FormatBlock(job.max_block_bytes));
}

std::string FormatBandwidth(double bytes_per_second) {
  return Scaled(bytes_per_second, 1000, {" B/s", " kB/s", " MB/s", " GB/s", " TB/s"});
}

std::string FormatNs(double nanoseconds) { return Scaled(nanoseconds, 1000, {" ns", " µs", " ms", " s"}); }

std::string FormatShare(double share) {
  const double percent = share * 100;
  return absl::StrFormat("%.*f %%", percent > 0 && percent < 9.95 ? 1 : 0, percent);
}

}  // namespace penstock::report
