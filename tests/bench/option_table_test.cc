// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "benchmarks/bench/fio_names.h"
#include "benchmarks/bench/nearest_name.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

using testing::HasSubstr;

TEST(BenchOptionTable, HasEachNameOnceAndNoneOfThoseThatAreFiosAlone) {
  std::set<std::string> names;
  for (const BenchOption& option : BenchOptionTable()) {
    EXPECT_TRUE(names.insert(std::string(option.name)).second) << option.name;
    EXPECT_EQ(AdviceOnFioName(option.name), std::nullopt) << option.name << " is said not to exist";
    EXPECT_EQ(FindBenchOption(option.name), &option);
  }
  EXPECT_EQ(FindBenchOption("output-format"), FindBenchOption("output_format"));
  EXPECT_EQ(FindBenchOption("outputformat"), nullptr);
}

TEST(BenchOptionTable, CutsOffAndEscapesWhatItPrints) {
  EXPECT_EQ(Printable("a b"), "a b");
  EXPECT_EQ(Printable("\x1b[31m\n"), "\\033[31m\\n");
  EXPECT_EQ(Printable(std::string(81, 'x')), std::string(80, 'x') + "...");
  EXPECT_LT(std::string(UnknownBenchOption(std::string(1 << 20, 'x'), "--").message()).size(), 300u);
}

TEST(NearestName, CountsWhatIsInsertedDeletedReplacedAndSwapped) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", "abc"), 0u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", "ac"), 1u);
  EXPECT_EQ(EditDistance("abc", "abxc"), 1u);
  EXPECT_EQ(EditDistance("abc", "axc"), 1u);
  EXPECT_EQ(EditDistance("abc", "acb"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(NearestName, IsNoneWhereNoneIsNear) {
  const std::vector<absl::string_view> names = {"iodepth", "numjobs", "bs"};
  EXPECT_EQ(NearestName("iodeth", names), "iodepth");
  EXPECT_EQ(NearestName("numjob", names), "numjobs");
  EXPECT_EQ(NearestName("b", names), "bs");
  EXPECT_EQ(NearestName("xyz", names), std::nullopt);
  EXPECT_EQ(NearestName("", names), std::nullopt);
  EXPECT_EQ(NearestName(std::string(65, 'b'), names), std::nullopt);
  EXPECT_EQ(NearestName("bs", {}), std::nullopt);
}

TEST(FioNames, TellWhatToDoInstead) {
  EXPECT_THAT(AdviceOnFioName("direct").value_or(""), HasSubstr("paths=read is direct"));
  EXPECT_THAT(AdviceOnFioName("stonewall").value_or(""), HasSubstr("one after the other"));
  EXPECT_THAT(AdviceOnFioName("thinktime").value_or(""), HasSubstr("nothing like it"));
  EXPECT_EQ(AdviceOnFioName("nothing_of_fios"), std::nullopt);
}

}  // namespace
}  // namespace penstock::bench
