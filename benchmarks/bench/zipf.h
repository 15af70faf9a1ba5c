// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ranks with a Zipf distribution.
#pragma once

#include <cstdint>
#include <random>

namespace penstock::bench {

/// Rank n of 0 to count - 1 with a probability in proportion to (n + 1)^-theta, in constant time and memory: rejection-inversion
/// (Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions", 1996).
class Zipf {
 public:
  /// Requires: count > 0, theta > 0.
  Zipf(uint64_t count, double theta);

  uint64_t Next(std::mt19937_64& random) const;

 private:
  double Integral(double x) const;         // of the density's hat, H
  double InverseIntegral(double y) const;  // H^-1
  double Density(double x) const;

  double count_;
  double theta_;
  double integral_begin_;  // H(1.5) - 1
  double integral_end_;    // H(count + 0.5)
  double squeeze_;         // a rank that is hit as closely as this is taken without another look
};

}  // namespace penstock::bench
