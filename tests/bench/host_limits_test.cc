// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/host_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/driver/fake_tree.h"
#include "tests/driver/temp_file.h"

namespace penstock::bench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(HostLimits, KnowProcessorsAndNodesAsSysfsListsThem) {
  FakeTree tree;
  tree.File("devices/system/cpu/present", "0-3");
  tree.File("devices/system/cpu/online", "0,2-3");
  tree.File("devices/system/node/online", "0-1");
  const ProcessorFacts facts = ReadProcessorFacts({.sys = tree.root()});
  EXPECT_THAT(facts.present, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(facts.online, ElementsAre(0, 2, 3));
  EXPECT_THAT(facts.nodes, ElementsAre(0, 1));
  EXPECT_FALSE(facts.allowed.empty()) << "this test runs somewhere";
}

TEST(HostLimits, KnowNothingOfProcessorsWithoutSysfs) {
  FakeTree tree;
  tree.File("devices/system/cpu/online", "garbage");
  const ProcessorFacts facts = ReadProcessorFacts({.sys = tree.root()});
  EXPECT_THAT(facts.present, IsEmpty());
  EXPECT_THAT(facts.online, IsEmpty());
  EXPECT_THAT(facts.nodes, IsEmpty());
}

TEST(HostLimits, AreThoseOfTheHostsFacts) {
  HostFacts host;
  host.memory = {.locked_limit_bytes = 4096, .huge_pages = 5, .free_huge_pages = 3, .transparent_huge = ""};
  const HostLimits limits = LimitsOf(host, {.present = {0}, .online = {0}, .allowed = {0}, .nodes = {}});
  EXPECT_EQ(limits.locked_bytes, 4096u);
  EXPECT_EQ(limits.free_huge_pages, 3u);
  EXPECT_THAT(limits.processors.present, ElementsAre(0));
  EXPECT_EQ(limits.gpu_count, std::nullopt);
}

TEST(HostLimits, TakeAVolumesFactsPathByPath) {
  const TempFile file(5000);
  Job job;
  job.volumes = {file.path(), file.path()};
  const auto facts = ReadVolumeFacts({job, job});
  ASSERT_TRUE(facts.ok()) << facts.status();
  ASSERT_EQ(facts->size(), 1u);
  const VolumeFacts& volume = facts->at(file.path());
  EXPECT_EQ(volume.size_bytes, 5000u);
  EXPECT_EQ(volume.block_bytes, 1u);
  EXPECT_GE(volume.support(ReadPath::kPread).fd, 0);
  EXPECT_LT(volume.support(ReadPath::kNvme).fd, 0);
  EXPECT_NE(volume.support(ReadPath::kNvme).refusal.cause, "");
  EXPECT_FALSE(volume.nvme.has_value());
}

TEST(HostLimits, SayWhichVolumeCannotBeOpened) {
  Job job;
  job.volumes = {"/does/not/exist"};
  const absl::Status status = ReadVolumeFacts({job}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/does/not/exist"));
}

TEST(HostLimits, WriteNumbersAsRanges) {
  EXPECT_EQ(RangesOf({}), "none");
  EXPECT_EQ(RangesOf({4}), "4");
  EXPECT_EQ(RangesOf({0, 1, 2, 3, 8, 10, 11}), "0-3,8,10-11");
}

}  // namespace
}  // namespace penstock::bench
