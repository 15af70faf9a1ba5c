// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/sysfs_file.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/driver/fake_tree.h"

namespace penstock::driver {
namespace {

TEST(ReadText, BringsTheTextWithoutWhiteSpaceAtItsEnds) {
  FakeTree tree;
  tree.File("sys/state", "\t live ");
  tree.File("sys/long", std::string(100'000, 'x'));
  EXPECT_EQ(ReadText(tree.root() + "/sys/state"), "live");
  EXPECT_EQ(ReadText(tree.root() + "/sys/long"), std::string(100'000, 'x'));
}

/// Attributes of sysfs do that too: the speed of a network interface that has none, for one.
TEST(ReadText, BringsNothingOfWhatOpensAndRefusesToBeRead) {
  EXPECT_EQ(ReadText("/proc/self/mem"), std::nullopt);
  EXPECT_EQ(ReadText("/proc/self"), std::nullopt);
}

TEST(ReadText, BringsNothingOfWhatIsNotThere) {
  EXPECT_EQ(ReadText("/proc/no_such_file"), std::nullopt);
  EXPECT_EQ(ReadText(""), std::nullopt);
}

}  // namespace
}  // namespace penstock::driver
