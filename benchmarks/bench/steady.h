// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a rate has settled.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace penstock::bench {

/// Ten seconds in a row whose rates lie within a fraction of their mean of each other. Threads: one at a time.
class Steadiness {
 public:
  /// 0: it is never looked for.
  explicit Steadiness(double fraction) : fraction_(fraction) {}

  /// `reads`: ended so far. True from the first moment on at which the rate is steady.
  bool Look(uint64_t now_ns, uint64_t reads) {
    if (fraction_ == 0 || is_steady_) return is_steady_;
    if (second_ns_ == 0) second_ns_ = now_ns;
    if (now_ns - second_ns_ < kSecondNs) return false;
    rates_[count_++ % kSeconds] = static_cast<double>(reads - reads_) / static_cast<double>(now_ns - second_ns_);
    second_ns_ = now_ns;
    reads_ = reads;
    return is_steady_ = count_ >= kSeconds && Spread() < fraction_;
  }
  bool is_steady() const { return is_steady_; }

 private:
  static constexpr uint64_t kSecondNs = 1'000'000'000;
  static constexpr uint32_t kSeconds = 10;

  double Spread() const {
    const auto [least, most] = std::minmax_element(rates_.begin(), rates_.end());
    double sum = 0;
    for (const double rate : rates_) sum += rate;
    return sum > 0 ? (*most - *least) * kSeconds / sum : 1;
  }

  const double fraction_;
  std::array<double, kSeconds> rates_ = {};
  uint32_t count_ = 0;
  uint64_t second_ns_ = 0;
  uint64_t reads_ = 0;
  bool is_steady_ = false;
};

}  // namespace penstock::bench
