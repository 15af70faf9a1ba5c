// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ways a read can take from a volume into a buffer, by their names.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

enum class ReadPath {
  kRead,   // READ_FIXED with O_DIRECT: io_uring, registered buffers, no copy by the CPU. Kernel 5.11.
  kPread,  // plain reads through the page cache by a few threads; works everywhere, the CPU copies every byte
};

/// "read" or "pread".
std::string_view ReadPathName(ReadPath path);

/// Why a path cannot be used for a volume, and what would make it usable.
struct Refusal {
  ReadPath path;
  std::string cause;
  std::string remedy;
};

}  // namespace penstock
