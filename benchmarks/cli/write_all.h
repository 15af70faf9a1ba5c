// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writing a text that the system may take in pieces.
#pragma once

#include <unistd.h>

#include <cerrno>

#include "absl/strings/string_view.h"

namespace penstock::cli {

/// 0 once all of `text` is written to `fd`, otherwise the errno of the write that failed. Threads: any.
inline int WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : EIO;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return 0;
}

}  // namespace penstock::cli
