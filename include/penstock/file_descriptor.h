// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Owns an open file.
#pragma once

#include <unistd.h>

#include <utility>

namespace penstock {

/// Closes it at the end. Movable.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }

  /// -1: nothing is open.
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace penstock
