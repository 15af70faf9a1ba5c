// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/source_inlets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using testing::ElementsAre;

TEST(SourceInlets, AreOneForEachKeyInTheOrderOfTheirFirstSources) {
  EXPECT_THAT(SortIntoInlets({"8:1", "259:0", "8:1", "0:5", "259:0"}),
              ElementsAre(ElementsAre(0, 2), ElementsAre(1, 4), ElementsAre(3)));
}

TEST(SourceInlets, PutWhatCannotBeLookedAtIntoTheFirst) {
  EXPECT_THAT(SortIntoInlets({std::nullopt, "8:1", "259:0", std::nullopt}), ElementsAre(ElementsAre(0, 1, 3), ElementsAre(2)));
  EXPECT_THAT(SortIntoInlets({"8:1", "259:0", std::nullopt}), ElementsAre(ElementsAre(0, 2), ElementsAre(1)));
}

TEST(SourceInlets, AreOneAtLeastAndNotMoreThanTheLimit) {
  EXPECT_THAT(SortIntoInlets({}), ElementsAre(ElementsAre()));
  std::vector<std::optional<std::string>> keys;
  for (uint32_t i = 0; i < 3 * kMaxInlets; ++i) keys.emplace_back(std::to_string(i));
  const auto inlets = SortIntoInlets(keys);
  EXPECT_EQ(inlets.size(), kMaxInlets);
  for (const auto& inlet : inlets) EXPECT_EQ(inlet.size(), 3u);
}

TEST(InletKey, IsTheSameForFilesOfAFileSystem) {
  const TempFile first(10);
  const TempFile second(10);
  EXPECT_EQ(InletKey(first.path()), InletKey(second.path()));
  EXPECT_EQ(InletKey("nowhere"), std::nullopt);
}

TEST(InletKey, TellsFileSystemsApart) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "there is no tmpfs. Fix: mount one at /dev/shm.";
  const TempFile on_disk(10);
  const TempFile in_memory(10, "/dev/shm");
  EXPECT_NE(InletKey(on_disk.path()), InletKey(in_memory.path()));
}

TEST(InletKey, OfADeviceNodeIsTheDeviceNotTheFileSystemOfTheNode) {
  EXPECT_EQ(InletKey("/dev/null"), "char 1:3");
  EXPECT_NE(InletKey("/dev/null"), InletKey("/dev/zero"));
}

}  // namespace
}  // namespace penstock
