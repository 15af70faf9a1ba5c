// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Figures as the report's sentences write them: three digits and a unit.
#pragma once

#include <cstdint>
#include <string>

#include "benchmarks/report/result.h"

namespace penstock::report {

/// "512 k", "1.20 M", "87.0".
std::string FormatCount(double count);
/// "4 KiB", "1.5 MiB", "4097 B": exact, in the largest unit in which it is short.
std::string FormatBlock(uint64_t bytes);
/// "4 KiB" or, where sizes vary, "4 KiB to 64 KiB".
std::string FormatBlocks(const Job& job);
/// "2.10 GB/s": powers of 1000, as disks are sold.
std::string FormatBandwidth(double bytes_per_second);
/// "82.0 µs", "1.20 ms".
std::string FormatNs(double nanoseconds);
/// "94 %", of a share from 0 to 1.
std::string FormatShare(double share);

}  // namespace penstock::report
