// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Owns an open file.
#pragma once

#include <unistd.h>

#include <utility>

#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Closes it at the end. Movable.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  /// Takes `fd` over; -1 is none.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  /// Takes the other's descriptor over, and leaves it none.
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  /// Closes its own, then takes the other's over.
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    const FileDescriptor own(std::exchange(fd_, std::exchange(other.fd_, -1)));
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
