// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/zipf.h"

#include <algorithm>
#include <cmath>

#include "penstock/check.h"

namespace penstock::bench {
namespace {

/// (exp(x) - 1) / x, and log(1 + x) / x, also where x is next to nothing.
double ExpRatio(double x) { return std::abs(x) > 1e-8 ? std::expm1(x) / x : 1 + x / 2; }
double LogRatio(double x) { return std::abs(x) > 1e-8 ? std::log1p(x) / x : 1 - x / 2; }

}  // namespace

Zipf::Zipf(uint64_t count, double theta) : count_(static_cast<double>(count)), theta_(theta) {
  PENSTOCK_CHECK(count > 0 && theta > 0);
  integral_begin_ = Integral(1.5) - 1;
  integral_end_ = Integral(count_ + 0.5);
  squeeze_ = 2 - InverseIntegral(Integral(2.5) - Density(2));
}

double Zipf::Density(double x) const { return std::exp(-theta_ * std::log(x)); }

double Zipf::Integral(double x) const {
  const double log_x = std::log(x);
  return ExpRatio((1 - theta_) * log_x) * log_x;
}

double Zipf::InverseIntegral(double y) const {
  const double t = std::max(y * (1 - theta_), -1.0);
  return std::exp(LogRatio(t) * y);
}

uint64_t Zipf::Next(std::mt19937_64& random) const {
  while (true) {
    const double unit = static_cast<double>(random() >> 11) * 0x1p-53;
    const double y = integral_end_ + unit * (integral_begin_ - integral_end_);
    const double x = InverseIntegral(y);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, count_);
    if (rank - x <= squeeze_ || y >= Integral(rank + 0.5) - Density(rank)) return static_cast<uint64_t>(rank) - 1;
  }
}

}  // namespace penstock::bench
