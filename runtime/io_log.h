// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The latest lines that an I/O service has to say to its operator.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace penstock {

/// Threads: any.
class IoLog {
 public:
  void Add(std::string line) {
    const std::lock_guard lock(mutex_);
    if (!lines_.empty() && lines_.back() == line) return;  // What goes wrong often is said once.
    if (lines_.size() == kMaxLines) lines_.pop_front();
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return {lines_.begin(), lines_.end()};
  }

 private:
  static constexpr size_t kMaxLines = 64;

  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
};

}  // namespace penstock
