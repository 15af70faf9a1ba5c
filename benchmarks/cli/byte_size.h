// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Byte counts as people write and read them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace penstock::cli {

/// A flag value such as 1MiB, 64k or 4096. K, M, G and T, with or without iB, are powers of 1024.
struct ByteSize {
  uint64_t bytes = 0;
};
bool AbslParseFlag(absl::string_view text, ByteSize* size, std::string* error);
std::string AbslUnparseFlag(const ByteSize& size);

/// "1.46 GiB": three digits, binary units.
std::string FormatBytes(double bytes);

}  // namespace penstock::cli
