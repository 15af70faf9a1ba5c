// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace penstock::report {
namespace {

/// Sample variance.
double Variance(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = Mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size() - 1);
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. Converges fast for
/// x < (a + 1) / (a + b + 2).
double BetaFraction(double x, double a, double b) {
  const double tiny = 1e-300;
  const auto away_from_zero = [&](double value) { return std::fabs(value) < tiny ? tiny : value; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m <= 300; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    const double step = d * c;
    fraction *= step;
    if (std::fabs(step - 1) < 1e-14) break;
  }
  return fraction;
}

/// The regularised incomplete beta function I_x(a, b).
double IncompleteBeta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * BetaFraction(x, a, b) / a;
  return 1 - front * BetaFraction(1 - x, b, a) / b;
}

}  // namespace

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double RelativeDeviation(const std::vector<double>& values) {
  const double mean = Mean(values);
  return mean == 0 ? 0 : std::sqrt(Variance(values)) / std::fabs(mean);
}

double StudentTwoSided(double t, double freedom) { return IncompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5); }

std::optional<double> WelchP(const std::vector<double>& left, const std::vector<double>& right) {
  if (left.size() < kFewestRuns || right.size() < kFewestRuns) return std::nullopt;
  const double left_error = Variance(left) / static_cast<double>(left.size());
  const double right_error = Variance(right) / static_cast<double>(right.size());
  const double distance = Mean(left) - Mean(right);
  const double error = left_error + right_error;
  if (error == 0) return distance == 0 ? 1 : 0;
  const double freedom = error * error /
                         (left_error * left_error / static_cast<double>(left.size() - 1) +
                          right_error * right_error / static_cast<double>(right.size() - 1));
  return StudentTwoSided(distance / std::sqrt(error), freedom);
}

std::vector<double> HolmAdjusted(const std::vector<double>& p_values) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double least = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    least = std::max(least, std::min(1.0, p_values[order[rank]] * static_cast<double>(order.size() - rank)));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

}  // namespace penstock::report
