// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/window_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace penstock::cli {
namespace {

constexpr uint64_t kMiB = 1 << 20;

PeerWindow TwoPieces() {
  return {.number = 2,
          .pci_address = "0000:c1:00.0",
          .length_bytes = 6 * kMiB,
          .pieces = {{.bar = 4, .offset_bytes = 2 * kMiB, .length_bytes = 4 * kMiB},
                     {.bar = 4, .offset_bytes = 64 * kMiB, .length_bytes = 2 * kMiB}}};
}

PeerWindow Revoked() {
  return {.number = 7, .state = PeerWindow::State::kRevoked, .pci_address = "0000:41:00.0", .length_bytes = 2 * kMiB};
}

TEST(WindowReport, HasALineForEachWindowAndHowToAskForIt) {
  EXPECT_EQ(FormatWindows({TwoPieces(), Revoked()}),
            "window 2: 6.00 MiB of 0000:c1:00.0, 2 pieces of BAR 4, the first at 0x200000, not mapped, --buffer=window:2\n"
            "window 7: 2.00 MiB of 0000:41:00.0, revoked: its driver took the memory back; only to be released\n");
  EXPECT_EQ(FormatWindows({}), "no window is reserved\n");
}

TEST(WindowReport, CountsWhereItIsMapped) {
  PeerWindow window = TwoPieces();
  window.mapping_count = 3;
  EXPECT_THAT(FormatWindow(window), testing::HasSubstr(", mapped 3 times, "));
}

TEST(WindowReport, JsonTellsEveryWindow) {
  const nlohmann::json json = nlohmann::json::parse(FormatWindowsJson({TwoPieces(), Revoked()}));
  EXPECT_EQ(json["version"], PENSTOCK_VERSION);
  ASSERT_EQ(json["window"].size(), 2u);
  const nlohmann::json& window = json["window"][0];
  EXPECT_EQ(window["number"], 2);
  EXPECT_EQ(window["state"], "pinned");
  EXPECT_EQ(window["pci_address"], "0000:c1:00.0");
  EXPECT_EQ(window["length_bytes"], 6 * kMiB);
  EXPECT_EQ(window["mapping_count"], 0);
  EXPECT_EQ(window["piece"][1], nlohmann::json({{"bar", 4}, {"offset_bytes", 64 * kMiB}, {"length_bytes", 2 * kMiB}}));
  EXPECT_EQ(json["window"][1]["state"], "revoked");
  EXPECT_EQ(nlohmann::json::parse(FormatWindowsJson({}))["window"], nlohmann::json::array());
}

}  // namespace
}  // namespace penstock::cli
