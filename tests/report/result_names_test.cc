// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/result_names.h"

#include <gmock/gmock.h>

namespace penstock::report {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Names(const std::vector<std::string>& files) { return NamesOf(files); }

TEST(ResultNames, AreThoseOfTheFiles) {
  EXPECT_THAT(Names({"/tmp/a.json", "b.json", "c", "d.json.json"}), ElementsAre("a", "b", "c", "d.json"));
  EXPECT_THAT(Names({}), ElementsAre());
}

TEST(ResultNames, HaveTheFoldersThatTellThemApart) {
  EXPECT_THAT(Names({"q1/result.json", "q2/result.json", "other.json"}), ElementsAre("q1/result", "q2/result", "other"));
  EXPECT_THAT(Names({"/a/x/r.json", "/b/x/r.json", "/a/y/r.json"}), ElementsAre("a/x/r", "b/x/r", "y/r"));
  EXPECT_THAT(Names({"r.json", "./q/r.json", "q/../p/r.json"}), ElementsAre("r", "q/r", "p/r"));
  EXPECT_THAT(Names({"r.json", "r"}), ElementsAre("r", "r (2)"));
}

TEST(ResultNames, AreNumberedForOneFileThatIsGivenTwice) {
  EXPECT_THAT(Names({"q/r.json", "./q/r.json", "q/r.json"}), ElementsAre("q/r", "q/r (2)", "q/r (3)"));
  EXPECT_THAT(Names({"r (2).json", "r.json", "r.json"}), ElementsAre("r (2)", "r", "r (3)"));
  EXPECT_THAT(Names({"", "/"}), ElementsAre("", " (2)"));
}

}  // namespace
}  // namespace penstock::report
