// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The little statistics that a report needs: medians, and whether two sets of runs differ by more than chance.
#pragma once

#include <optional>
#include <vector>

namespace penstock::report {

/// Fewer runs on either side, and there is no telling.
inline constexpr size_t kFewestRuns = 3;

/// The middle of the values, or the mean of the two in the middle. 0 of none.
double Median(std::vector<double> values);
double Mean(const std::vector<double>& values);
/// Sample standard deviation over the mean; 0 of fewer than two values.
double RelativeDeviation(const std::vector<double>& values);

/// Two-sided p of Welch's t-test: how likely means lie this far apart by chance alone. Runs are taken as independent and about
/// normally distributed. Nothing if either side has fewer than kFewestRuns values.
std::optional<double> WelchP(const std::vector<double>& left, const std::vector<double>& right);

/// Probability that Student's t of `freedom` degrees (above 0, whole or not) is further from 0 than `t`, on either side.
double StudentTwoSided(double t, double freedom);

/// The same p values, each raised so that the chance of a single false alarm among all of them stays what it was (Holm 1979).
std::vector<double> HolmAdjusted(const std::vector<double>& p_values);

}  // namespace penstock::report
