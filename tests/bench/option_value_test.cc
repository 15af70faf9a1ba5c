// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/option_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench/volume_names.h"

namespace penstock::bench {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(OptionValue, CountsAreDigitsUpToALimit) {
  EXPECT_EQ(CountOf("0", 10), 0u);
  EXPECT_EQ(CountOf("10", 10), 10u);
  EXPECT_EQ(CountOf("18446744073709551615", UINT64_MAX), UINT64_MAX);
  for (const char* text : {"", "11", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616"}) {
    EXPECT_EQ(CountOf(text, 10), std::nullopt) << text;
  }
}

TEST(OptionValue, DecimalsHaveNeitherSignsNorExponents) {
  EXPECT_EQ(DecimalOf("0.5"), 0.5);
  EXPECT_EQ(DecimalOf("12"), 12);
  for (const char* text : {"", ".5", "5.", "1e3", "-1", "inf", "nan", "1..2", "0x1p3", "1 "}) {
    EXPECT_EQ(DecimalOf(text), std::nullopt) << text;
  }
  EXPECT_EQ(DecimalOf(std::string(400, '9')), std::nullopt) << "would be infinite";
}

TEST(OptionValue, SizesHaveFiosSuffixesAndOurs) {
  EXPECT_EQ(BytesOf("4k"), 4096u);
  EXPECT_EQ(BytesOf("4K"), 4096u);
  EXPECT_EQ(BytesOf("4KiB"), 4096u);
  EXPECT_EQ(BytesOf("1m"), 1u << 20);
  EXPECT_EQ(BytesOf("2g"), uint64_t{2} << 30);
  EXPECT_EQ(BytesOf("1T"), uint64_t{1} << 40);
  EXPECT_EQ(BytesOf("0"), 0u);
  for (const char* text : {"", "k", "4kb", "4x", "-1", "+1", " 1", "16777216T"}) EXPECT_EQ(BytesOf(text), std::nullopt) << text;
}

TEST(OptionValue, DurationsAreSecondsUnlessAUnitSaysOtherwise) {
  EXPECT_EQ(SecondsOf("10"), 10);
  EXPECT_EQ(SecondsOf("10s"), 10);
  EXPECT_EQ(SecondsOf("500ms"), 0.5);
  EXPECT_EQ(SecondsOf("2m"), 120);
  EXPECT_EQ(SecondsOf("1.5h"), 5400);
  for (const char* text : {"", "s", "ms", "10x", "1 s", "-1s", "1m30s", "infs"}) EXPECT_EQ(SecondsOf(text), std::nullopt) << text;
}

TEST(OptionValue, FractionsMayBePercentages) {
  EXPECT_EQ(FractionOf("0.25"), 0.25);
  EXPECT_EQ(FractionOf("25%"), 0.25);
  for (const char* text : {"", "%", "0", "0%", "1", "100%", "-1%", "1%%"}) EXPECT_EQ(FractionOf(text), std::nullopt) << text;
}

TEST(OptionValue, NumberListsKeepTheirOrder) {
  EXPECT_THAT(NumberListOf("8,0-3"), Optional(ElementsAre(8, 0, 1, 2, 3)));
  EXPECT_THAT(NumberListOf("65535"), Optional(ElementsAre(65535)));
  for (const char* text : {"", ",", "1,", "1-", "-1", "3-1", "1-2-3", "1,1", "0-3,2", "65536", "0-65536", "a"}) {
    EXPECT_EQ(NumberListOf(text), std::nullopt) << text;
  }
}

std::optional<uint64_t> Small(absl::string_view text) { return CountOf(text, 1000); }

TEST(OptionValue, ListsHaveNothingTwiceAndALimit) {
  EXPECT_THAT(ListOf("3,1,2", Small), Optional(ElementsAre(3, 1, 2)));
  for (const char* text : {"", "1,,2", "1,1", "1,x"}) EXPECT_EQ(ListOf(text, Small), std::nullopt) << text;
  std::string most = "0";
  for (size_t i = 1; i < kMaxListLength; ++i) absl::StrAppend(&most, ",", i);
  EXPECT_TRUE(ListOf(most, Small).has_value());
  EXPECT_FALSE(ListOf(absl::StrCat(most, ",", kMaxListLength), Small).has_value());
}

TEST(VolumeNames, AreSeparatedByColonsThatABackslashKeeps) {
  EXPECT_THAT(VolumeNamesOf("a:/dev/ng0n1"), Optional(ElementsAre("a", "/dev/ng0n1")));
  EXPECT_THAT(VolumeNamesOf(R"(pci-0000\:41\:00.0:b\c\)"), Optional(ElementsAre("pci-0000:41:00.0", R"(b\c\)")));
  for (const char* text : {"", ":", "a:", ":a", "a::b"}) EXPECT_EQ(VolumeNamesOf(text), std::nullopt) << text;
}

TEST(VolumeNames, AreNotMoreThanTheirLimit) {
  std::string most = "v";
  for (size_t i = 1; i < kMaxVolumes; ++i) most += ":v";
  EXPECT_EQ(VolumeNamesOf(most)->size(), kMaxVolumes);
  EXPECT_EQ(VolumeNamesOf(most + ":v"), std::nullopt);
}

}  // namespace
}  // namespace penstock::bench
