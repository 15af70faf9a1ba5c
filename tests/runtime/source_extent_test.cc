// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/source_extent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "penstock/error.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

void ExpectExtent(const ExtentRequest& request, const SourceBounds& bounds, uint64_t offset_bytes, uint64_t length_bytes) {
  const auto extent = ResolveExtent(request, bounds);
  ASSERT_TRUE(extent.ok()) << extent.status();
  EXPECT_EQ(extent->offset_bytes, offset_bytes);
  EXPECT_EQ(extent->length_bytes, length_bytes);
}

void ExpectRefused(const ExtentRequest& request, const SourceBounds& bounds, absl::StatusCode code, const char* cause,
                   const char* remedy) {
  const absl::Status status = ResolveExtent(request, bounds).status();
  EXPECT_EQ(status.code(), code);
  EXPECT_THAT(CauseOf(status), HasSubstr(cause));
  EXPECT_THAT(RemedyOf(status), HasSubstr(remedy));
}

TEST(SourceExtent, OfAFileIsAnyBytesOfIt) {
  const SourceBounds file{.name = "file", .size_bytes = 1000};
  ExpectExtent({}, file, 0, 1000);
  ExpectExtent({.offset_bytes = 1}, file, 1, 999);
  ExpectExtent({.offset_bytes = 999, .length_bytes = 1}, file, 999, 1);
  ExpectExtent({.offset_bytes = 1000}, file, 1000, 0);
  ExpectExtent({.length_bytes = 0}, file, 0, 0);
  ExpectExtent({}, {.name = "empty"}, 0, 0);
}

TEST(SourceExtent, EndsWhereTheSourceDoes) {
  const SourceBounds file{.name = "file", .size_bytes = 1000};
  constexpr auto kOutOfRange = absl::StatusCode::kOutOfRange;
  ExpectRefused({.offset_bytes = 1001}, file, kOutOfRange, "file, which has 1000 bytes", "at most 1000");
  ExpectRefused({.offset_bytes = kHuge, .length_bytes = kHuge}, file, kOutOfRange, "past the end of file", "at most 1000");
  ExpectRefused({.offset_bytes = 900, .length_bytes = 101}, file, kOutOfRange, "file, which has 1000 bytes", "at most 100,");
  ExpectRefused({.offset_bytes = 900, .length_bytes = kHuge}, file, kOutOfRange, "past the end of file", "at most 100,");
}

TEST(SourceExtent, OfABlockDeviceIsWholeBlocks) {
  const SourceBounds disk{.name = "disk", .size_bytes = 1 << 20, .block_bytes = 512};
  constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
  ExpectExtent({.offset_bytes = 512, .length_bytes = 1024}, disk, 512, 1024);
  ExpectExtent({.offset_bytes = 1024}, disk, 1024, (1 << 20) - 1024);
  ExpectRefused({.offset_bytes = 100}, disk, kInvalidArgument, "offset 100 is not a multiple of the logical block of disk",
                "multiples of 512");
  ExpectRefused({.length_bytes = 1000}, disk, kInvalidArgument, "length 1000", "multiples of 512");
}

TEST(SourceExtent, OfAFileKnowsNoBlocks) {
  const TempFile file(5000);
  const SourceBounds bounds = BoundsOf(file.Open());
  EXPECT_EQ(bounds.size_bytes, 5000u);
  EXPECT_EQ(bounds.block_bytes, 1u);
}

TEST(SourceExtent, ThatEndsEarlyIsATruncatedFileOrADeviceThatIsGone) {
  const absl::Status file = EndedEarly({.name = "file", .size_bytes = 1000}, 600, 900);
  EXPECT_EQ(file.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(CauseOf(file), HasSubstr("file ends at byte 600, not at 900"));
  EXPECT_THAT(RemedyOf(file), HasSubstr("truncated"));
  const absl::Status device = EndedEarly({.name = "/dev/nvme0n1", .size_bytes = 8192, .block_bytes = 512}, 4096, 8192);
  EXPECT_EQ(device.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(CauseOf(device), testing::AllOf(HasSubstr("/dev/nvme0n1 is gone"), HasSubstr("byte 4096")));
  EXPECT_THAT(RemedyOf(device), HasSubstr("dmesg"));
}

}  // namespace
}  // namespace penstock
