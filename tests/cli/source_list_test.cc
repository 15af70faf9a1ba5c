// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/source_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "penstock/error.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class SourceListTest : public testing::Test {
 protected:
  SourceListTest() {
    fs::remove_all(root_);
    fs::create_directories(root_ / "sub");
  }
  ~SourceListTest() override { fs::remove_all(root_); }

  std::string Add(const std::string& name, size_t bytes) {
    std::ofstream(root_ / name) << std::string(bytes, 'x');
    return (root_ / name).string();
  }

  const fs::path root_ = "source_list_test_" + std::to_string(getpid());  // tests run side by side
};

TEST_F(SourceListTest, TakesTheFilesOfADirectoryInOrderAndAddsUpTheirSizes) {
  const std::string b = Add("b", 3);
  const std::string a = Add("a", 5);
  const std::string c = Add("sub/c", 7);
  fs::create_symlink("a", root_ / "link");
  const auto list = ListSources({root_.string()});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->names, ElementsAre(a, b, c));
  EXPECT_EQ(list->bytes, 15u);
}

TEST_F(SourceListTest, AddsUpThePartsThatAreRead) {
  const std::vector<std::string> names = {Add("a", 5), Add("b", 10), Add("c", 100)};
  EXPECT_EQ(ListSources(names, {.offset_bytes = 7})->bytes, 3u + 93);
  EXPECT_EQ(ListSources(names, {.offset_bytes = 7, .length_bytes = 20})->bytes, 3u + 20);
  EXPECT_EQ(ListSources(names, {.length_bytes = 6})->bytes, 5u + 6 + 6);
}

TEST_F(SourceListTest, LeavesFilesAndWhatDoesNotExistAsTheyAre) {
  const std::string a = Add("a", 5);
  const auto list = ListSources({a, "nowhere", a});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->names, ElementsAre(a, "nowhere", a));
}

TEST_F(SourceListTest, RefusesADirectoryWithoutFiles) {
  const auto list = ListSources({root_.string()});
  EXPECT_EQ(list.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(RemedyOf(list.status()), "");
}

}  // namespace
}  // namespace penstock::cli
