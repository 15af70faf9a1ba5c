// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files with known bytes, in the working directory (a disk) or where a test says, removed at the end.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "penstock/volume.h"

namespace penstock {

/// Byte `offset` of every test file: bytes of one place look unlike those of another.
inline std::byte PatternAt(uint64_t offset) { return static_cast<std::byte>((offset * 0x9E3779B97F4A7C15u) >> 40); }

inline std::vector<std::byte> Pattern(uint64_t offset, size_t bytes) {
  std::vector<std::byte> pattern(bytes);
  for (size_t i = 0; i < bytes; ++i) pattern[i] = PatternAt(offset + i);
  return pattern;
}

/// The pattern's bytes are at `offset` of a file, here at the start of `seen`.
inline bool IsPattern(absl::Span<const std::byte> seen, uint64_t offset) {
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] != PatternAt(offset + i)) return false;
  }
  return true;
}

class TempFile {
 public:
  explicit TempFile(size_t bytes, const std::string& directory = ".") : path_(directory + "/penstock_test_XXXXXX") {
    fd_ = mkstemp(path_.data());
    Extend(bytes);
  }
  ~TempFile() {
    close(fd_);
    unlink(path_.c_str());
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  const std::string& path() const { return path_; }
  Volume Open() const { return Volume::Open(path_).value(); }

  /// Makes it longer, with the pattern.
  void Extend(size_t bytes) {
    const std::vector<std::byte> pattern = Pattern(size_, bytes - size_);
    EXPECT_EQ(pwrite(fd_, pattern.data(), pattern.size(), static_cast<off_t>(size_)), static_cast<ssize_t>(pattern.size()));
    size_ = bytes;
  }
  /// Puts `text` at its start.
  void Write(const std::string& text) { EXPECT_EQ(pwrite(fd_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size())); }
  /// All that it has now, by its own descriptor.
  std::vector<std::byte> Bytes() const {
    std::vector<std::byte> bytes(static_cast<size_t>(lseek(fd_, 0, SEEK_END)));
    EXPECT_EQ(pread(fd_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  /// Cuts it off, or adds a hole.
  void Resize(size_t bytes) {
    EXPECT_EQ(ftruncate(fd_, static_cast<off_t>(bytes)), 0);
    size_ = bytes;
  }

 private:
  std::string path_;
  int fd_ = -1;
  size_t size_ = 0;
};

}  // namespace penstock
