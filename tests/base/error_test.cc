// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "penstock/check.h"
#include "penstock/clock.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

absl::Status DepthError() {
  return MakeError(absl::StatusCode::kInvalidArgument, What("queue depth 3000 exceeds 1024. It is too deep"),
                   Fix("set depth to at most 1024, e.g. depth=1024"));
}

TEST(Error, SaysWhatFailedAndThenWhatToDo) {
  EXPECT_EQ(DepthError().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DepthError().message(),
            "queue depth 3000 exceeds 1024. It is too deep. Fix: set depth to at most 1024, e.g. depth=1024.");
}

TEST(Error, GivesCauseAndRemedyBackSeparately) {
  EXPECT_EQ(CauseOf(DepthError()), "queue depth 3000 exceeds 1024. It is too deep");
  EXPECT_EQ(RemedyOf(DepthError()), "set depth to at most 1024, e.g. depth=1024");
}

TEST(Error, HasNoRemedyWhenMadeElsewhere) {
  EXPECT_EQ(RemedyOf(absl::UnavailableError("gone")), "");
  EXPECT_EQ(CauseOf(absl::UnavailableError("gone")), "gone");
  EXPECT_EQ(RemedyOf(absl::OkStatus()), "");
}

TEST(Error, CarriesAndNamesTheErrno) {
  const absl::Status status = MakeErrnoError(absl::StatusCode::kDataLoss, EIO, What("reading failed"), Fix("look in dmesg"));
  EXPECT_EQ(ErrnoOf(status), EIO);
  EXPECT_EQ(CauseOf(status), "reading failed: EIO (Input/output error)");
  EXPECT_EQ(RemedyOf(status), "look in dmesg");
}

TEST(Error, HasNoErrnoWhenNoneWasGiven) { EXPECT_EQ(ErrnoOf(DepthError()), std::nullopt); }

TEST(Error, NamesAnErrnoThatNobodyKnows) {
  const absl::Status status = MakeErrnoError(absl::StatusCode::kDataLoss, 4001, What("reading failed"), Fix("look in dmesg"));
  EXPECT_EQ(ErrnoOf(status), 4001);
  EXPECT_THAT(CauseOf(status), HasSubstr("4001"));
}

TEST(Error, CarriesAndPrintsTheNvmeStatus) {
  const absl::Status status = MakeNvmeError(absl::StatusCode::kOutOfRange, 0x4080, What("reading failed"), Fix("shorten it"));
  EXPECT_EQ(NvmeStatusOf(status), 0x4080);
  EXPECT_EQ(CauseOf(status), "reading failed (NVMe status 0x4080, do not retry)");
  EXPECT_EQ(RemedyOf(status), "shorten it");
  EXPECT_EQ(NvmeStatusOf(Annotate(status, "chunk 3")), 0x4080);
  EXPECT_EQ(CauseOf(MakeNvmeError(absl::StatusCode::kDataLoss, 0x281, What("reading failed"), Fix("stop"))),
            "reading failed (NVMe status 0x281)");
}

TEST(Error, HasEitherAnErrnoOrAnNvmeStatus) {
  const absl::Status nvme = MakeNvmeError(absl::StatusCode::kDataLoss, 0x281, What("reading failed"), Fix("stop"));
  EXPECT_EQ(ErrnoOf(nvme), std::nullopt);
  EXPECT_EQ(NvmeStatusOf(MakeErrnoError(absl::StatusCode::kDataLoss, EIO, What("reading failed"), Fix("stop"))), std::nullopt);
}

TEST(ReturnIfError, ReturnsTheErrorAndEvaluatesOnce) {
  int evaluations = 0;
  const auto function = [&](const absl::Status& status) -> absl::Status {
    PENSTOCK_RETURN_IF_ERROR((++evaluations, status));  // A variable named status is no obstacle.
    return absl::AlreadyExistsError("went on");
  };
  EXPECT_EQ(function(DepthError()), DepthError());
  EXPECT_EQ(evaluations, 1);
  EXPECT_EQ(function(absl::OkStatus()).code(), absl::StatusCode::kAlreadyExists);
}

TEST(AssignOrReturn, AssignsTheValueOrReturnsTheError) {
  const auto function = [](absl::StatusOr<int> in) -> absl::StatusOr<int> {
    PENSTOCK_ASSIGN_OR_RETURN(const int value, in);
    return value + 1;
  };
  EXPECT_EQ(*function(1), 2);
  EXPECT_EQ(function(DepthError()).status(), DepthError());
}

TEST(CheckDeathTest, EndsTheProcessWithConditionAndPlace) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(PENSTOCK_CHECK(1 + 1 == 3), "1 \\+ 1 == 3 .*error_test.cc");
  PENSTOCK_CHECK(1 + 1 == 2);
}

TEST(MonotonicNs, DoesNotGoBack) {
  const uint64_t before = MonotonicNs();
  EXPECT_LE(before, MonotonicNs());
}

}  // namespace
}  // namespace penstock
