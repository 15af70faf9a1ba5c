// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/io_latency/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

namespace penstock::io_latency {
namespace {

std::unique_ptr<Results> TwoRounds() {
  auto results = std::make_unique<Results>();
  const LatencySplit split = {.request_ns = 1000, .service_ns = 2000, .device_io_ns = 30'000, .landing_seen_ns = 4000};
  results->Add(KernelRun{.seconds = 0.5, .splits = {split, split}});
  results->Add(KernelRun{.seconds = 0.25, .splits = {split, split}});
  auto pumped = std::make_unique<PumpedRun>();
  pumped->seconds = 0.5;
  pumped->statistics.chunks = 2;
  pumped->statistics.read_latency.Record(31'000);
  results->Add(*pumped);
  results->Add(*pumped);
  return results;
}

TEST(Median, IsTheMiddle) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
}

TEST(Report, HoldsEachRoundAgainstThePumpsOfTheSameRound) { EXPECT_EQ(Ratios(*TwoRounds()), (std::vector<double>{1, 2})); }

TEST(Report, HasEveryPartAndBothRates) {
  const std::string text = FormatText({.volume = "disk.img", .rounds = 2}, *TwoRounds());
  for (const char* words : {"disk.img: 4.00 KiB a read", "depth 32", "the kernel asks: 6 a second", "the pump: 4 a second",
                            "  request              1.0       1.0", "  service              2.0", "  device I/O          30.0",
                            "  landing seen         4.0", "  total               37.0", "  read                31.0",
                            "1.50 (rounds: 1.00 to 2.00)"}) {
    EXPECT_THAT(text, testing::HasSubstr(words));
  }
}

TEST(Report, IsOneJsonObject) {
  const auto json = nlohmann::json::parse(FormatJson({.volume = "disk.img"}, *TwoRounds()));
  EXPECT_EQ(json["kernel"]["requests_per_second"], (std::vector<double>{4, 8}));
  EXPECT_EQ(json["pump"]["requests_per_second"], (std::vector<double>{4, 4}));
  const auto& parts = json["kernel"]["latency_ns"];
  EXPECT_EQ(parts["request"]["p50"], 1000);
  EXPECT_EQ(parts["service"]["p99"], 2000);
  EXPECT_EQ(parts["device_io"]["max"], 30'000);
  EXPECT_EQ(parts["landing_seen"]["mean"], 4000);
  EXPECT_EQ(parts["total"]["mean"], 37'000);
  EXPECT_EQ(json["pump"]["latency_ns"]["read"]["mean"], 31'000);
  EXPECT_EQ(json["path"], "read");
}

}  // namespace
}  // namespace penstock::io_latency
