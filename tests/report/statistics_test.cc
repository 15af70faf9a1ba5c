// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/statistics.h"

#include <gmock/gmock.h>

#include <cmath>

namespace penstock::report {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(Statistics, MedianOfEvenAndOddCounts) {
  EXPECT_EQ(Median({}), 0);
  EXPECT_EQ(Median({5}), 5);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({9, 1, 5, 6}), 5.5);
}

TEST(Statistics, RelativeDeviationIsOfASample) {
  EXPECT_THAT(RelativeDeviation({90, 100, 110}), DoubleEq(0.1));
  EXPECT_EQ(RelativeDeviation({100}), 0);
  EXPECT_EQ(RelativeDeviation({0, 0}), 0);
}

TEST(Statistics, StudentAgreesWithTheClosedFormsOfOneAndTwoDegrees) {
  for (const double t : {0.1, 0.5, 1.0, 2.0, 12.7, 300.0}) {
    EXPECT_THAT(StudentTwoSided(t, 1), DoubleNear(1 - 2 / M_PI * std::atan(t), 1e-12)) << t;
    EXPECT_THAT(StudentTwoSided(t, 2), DoubleNear(1 - t / std::sqrt(2 + t * t), 1e-12)) << t;
    EXPECT_EQ(StudentTwoSided(t, 5), StudentTwoSided(-t, 5));
  }
  EXPECT_THAT(StudentTwoSided(0, 7), DoubleNear(1, 1e-12));
}

TEST(Statistics, StudentAgreesWithPrintedTables) {
  EXPECT_THAT(StudentTwoSided(2.776, 4), DoubleNear(0.05, 1e-4));
  EXPECT_THAT(StudentTwoSided(4.604, 4), DoubleNear(0.01, 1e-5));
  EXPECT_THAT(StudentTwoSided(2.228, 10), DoubleNear(0.05, 1e-4));
  EXPECT_THAT(StudentTwoSided(1.960, 1e6), DoubleNear(0.05, 1e-4));
}

TEST(Statistics, WelchOfAWorkedExample) {
  // Variances 1 and 4, means 2 and 6: t = 4 / sqrt(5 / 3), freedom = (5/3)^2 / ((1/3)^2 / 2 + (4/3)^2 / 2) = 50/17.
  const std::optional<double> p = WelchP({1, 2, 3}, {4, 6, 8});
  ASSERT_TRUE(p.has_value());
  EXPECT_THAT(*p, DoubleNear(StudentTwoSided(4 / std::sqrt(5.0 / 3), 50.0 / 17), 1e-12));
  EXPECT_GT(*p, 0.05);
  EXPECT_LT(*p, 0.06);
}

TEST(Statistics, WelchSaysNothingOfFewerThanThreeRuns) {
  EXPECT_FALSE(WelchP({1, 2}, {3, 4, 5}).has_value());
  EXPECT_FALSE(WelchP({1, 2, 3}, {4}).has_value());
}

TEST(Statistics, WelchOfRunsThatDoNotVary) {
  EXPECT_EQ(WelchP({5, 5, 5}, {5, 5, 5}), 1);
  EXPECT_EQ(WelchP({5, 5, 5}, {6, 6, 6}), 0);
}

TEST(Statistics, HolmRaisesEachByWhatIsLeftAndKeepsTheOrder) {
  EXPECT_THAT(HolmAdjusted({0.01, 0.04, 0.03}), ElementsAre(DoubleEq(0.03), DoubleEq(0.06), DoubleEq(0.06)));
  EXPECT_THAT(HolmAdjusted({0.7, 0.9}), ElementsAre(DoubleEq(1), DoubleEq(1)));
  EXPECT_THAT(HolmAdjusted({}), ElementsAre());
}

}  // namespace
}  // namespace penstock::report
