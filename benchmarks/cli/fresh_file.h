// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A file that takes another one's place as a whole.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

namespace penstock::cli {

/// Lies beside `target` until it takes its place, so that whoever looks there sees the old text or the new one, whole. Gone if it
/// never does. Threads: one.
class FreshFile {
 public:
  /// fd() is -1, and errno says why, if it cannot be made.
  explicit FreshFile(std::filesystem::path target)
      : target_(std::move(target)),
        name_(target_.parent_path() / ".penstock_XXXXXX"),
        fd_(mkostemp(name_.data(), O_CLOEXEC)),
        is_there_(fd_ >= 0) {}
  ~FreshFile() {
    if (fd_ >= 0) close(fd_);
    if (is_there_) unlink(name_.c_str());
  }
  FreshFile(const FreshFile&) = delete;
  FreshFile& operator=(const FreshFile&) = delete;

  int fd() const { return fd_; }

  /// 0 once it is the target, otherwise the errno of what failed. Some disks say only when a file is closed that it did not fit.
  int Place() {
    if (close(std::exchange(fd_, -1)) != 0 || std::rename(name_.c_str(), target_.c_str()) != 0) return errno;
    is_there_ = false;
    return 0;
  }

 private:
  const std::filesystem::path target_;
  std::string name_;
  int fd_;
  bool is_there_;
};

}  // namespace penstock::cli
