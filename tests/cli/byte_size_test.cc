// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/byte_size.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

TEST(ByteSize, ReadsNumbersWithBinaryUnits) {
  const std::pair<const char*, uint64_t> cases[] = {
      {"0", 0},         {"4096", 4096},    {"4k", 4096},        {"64KiB", 65536},
      {"1M", 1048576},  {"1MiB", 1048576}, {"2gib", 2ul << 30}, {"16777215GiB", 16777215ul << 30},
      {"3T", 3ul << 40}};
  for (const auto& [text, bytes] : cases) {
    ByteSize size;
    std::string error;
    EXPECT_TRUE(AbslParseFlag(text, &size, &error)) << text;
    EXPECT_EQ(size.bytes, bytes) << text;
  }
}

TEST(ByteSize, RefusesEverythingElseWithAnExample) {
  for (const char* text : {"", "k", "1x", "1MB", "-1", "1.5M", "1 M", "99999999999G", "18446744073709551616"}) {
    ByteSize size;
    std::string error;
    EXPECT_FALSE(AbslParseFlag(text, &size, &error)) << text;
    EXPECT_NE(error.find("1MiB"), std::string::npos) << text;
  }
}

TEST(ByteSize, WritesWhatItReads) {
  for (const char* text : {"0", "4095", "4KiB", "1MiB", "3GiB", "1048577"}) {
    ByteSize size;
    std::string error;
    ASSERT_TRUE(AbslParseFlag(text, &size, &error));
    EXPECT_EQ(AbslUnparseFlag(size), text);
  }
}

TEST(ByteSize, FormatsWithThreeDigits) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1536), "1.50 KiB");
  EXPECT_EQ(FormatBytes(1.5 * (1 << 30)), "1.50 GiB");
  EXPECT_EQ(FormatBytes(12.34 * (1 << 20)), "12.3 MiB");
  EXPECT_EQ(FormatBytes(123.4 * (1 << 20)), "123 MiB");
}

}  // namespace
}  // namespace penstock::cli
