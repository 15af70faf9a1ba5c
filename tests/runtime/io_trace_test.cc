// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_trace.h"

#include <gtest/gtest.h>

#include <array>

namespace penstock {
namespace {

uint64_t looks = 0;
uint64_t FakeClock() { return 1000 + ++looks; }

class IoTraceTest : public testing::Test {
 protected:
  void SetUp() override { looks = 0; }
};

TEST_F(IoTraceTest, ReadsNoClockAndNotesNothingWhileItIsOff) {
  const IoTrace<FakeClock> trace({});
  EXPECT_FALSE(trace.on());
  EXPECT_EQ(trace.Now(5), 5u) << "the last look's";
  trace.Note(0, {1, 2, 3, 4});
  EXPECT_EQ(looks, 0u);
}

TEST_F(IoTraceTest, ReadsTheClockWhileItIsOn) {
  std::array<IoRequestTimes, 1> times;
  const IoTrace<FakeClock> trace(absl::MakeSpan(times));
  EXPECT_TRUE(trace.on());
  EXPECT_EQ(trace.Now(5), 1001u);
  EXPECT_EQ(trace.Now(5), 1002u);
}

TEST_F(IoTraceTest, NotesByTagAndNothingPastTheEnd) {
  std::array<IoRequestTimes, 3> times;
  const IoTrace<FakeClock> trace(absl::MakeSpan(times).first(2));
  trace.Note(1, {11, 12, 13, 14});
  trace.Note(2, {21, 22, 23, 24});
  trace.Note(~0u, {31, 32, 33, 34});
  EXPECT_EQ(times[1].taken_ns, 11u);
  EXPECT_EQ(times[1].started_ns, 12u);
  EXPECT_EQ(times[1].reaped_ns, 13u);
  EXPECT_EQ(times[1].told_ns, 14u);
  EXPECT_EQ(times[0].told_ns, 0u);
  EXPECT_EQ(times[2].told_ns, 0u) << "behind the memory that was lent";
}

}  // namespace
}  // namespace penstock
