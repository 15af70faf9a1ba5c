// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "driver/nvme_identify.h"
#include "penstock/error.h"
#include "tests/driver/temp_file.h"

namespace penstock::driver {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;

NvmeMeaning MeaningOf(uint16_t raw) { return MeaningOfNvmeStatus(DecodeNvmeStatus(raw)); }

TEST(NvmeStatus, IsDecodedFieldByField) {
  const NvmeStatus status = DecodeNvmeStatus(0x4281);
  EXPECT_EQ(status.code, 0x81);
  EXPECT_EQ(status.type, 2);
  EXPECT_FALSE(status.more);
  EXPECT_TRUE(status.do_not_retry);
  EXPECT_EQ(status.number(), 0x281);
  EXPECT_EQ(status.raw, 0x4281);
}

TEST(NvmeStatus, KeepsItsFieldsApart) {
  for (int bit = 0; bit < 15; ++bit) {
    const NvmeStatus status = DecodeNvmeStatus(static_cast<uint16_t>(1u << bit));
    EXPECT_EQ(status.code, bit < 8 ? 1u << bit : 0u);
    EXPECT_EQ(status.type, bit >= 8 && bit < 11 ? 1u << (bit - 8) : 0u);
    EXPECT_EQ(status.more, bit == 13);
    EXPECT_EQ(status.do_not_retry, bit == 14);
    EXPECT_EQ(status.ok(), bit >= 11);  // The flags say nothing about success.
  }
  EXPECT_EQ(DecodeNvmeStatus(0x8281).raw, 0x281);
}

TEST(NvmeStatus, IsASuccessWhateverElseTheControllerSaysWithIt) {
  for (const int32_t result : {0, 0x0800, 0x1000, 0x2000, 0x4000, 0x7800}) EXPECT_FALSE(HasFailed(result)) << result;
  for (const int32_t result : {-EIO, -1, 0x281, 0x4080, 0x7f01, 0x0700}) EXPECT_TRUE(HasFailed(result)) << result;
}

struct Expected {
  uint16_t number;
  StatusCode code;
  bool may_retry;
};

class NvmeReadStatus : public ::testing::TestWithParam<Expected> {};

TEST_P(NvmeReadStatus, HasItsCodeAndIsRetriedOnlyWhereThatHelps) {
  const auto [number, code, may_retry] = GetParam();
  const NvmeMeaning meaning = MeaningOf(number);
  EXPECT_EQ(meaning.code, code);
  EXPECT_EQ(meaning.may_retry, may_retry);
  EXPECT_NE(meaning.fix, "");
  // An independent table of names: libnvme's.
  std::string ours = meaning.name;
  std::string theirs = NvmeStatusText(number);
  for (std::string* name : {&ours, &theirs}) {
    for (char& letter : *name) letter = static_cast<char>(std::tolower(letter));
  }
  EXPECT_EQ(ours, theirs);
}

TEST_P(NvmeReadStatus, IsNotRetriedWhereTheControllerSaysSo) {
  const NvmeMeaning meaning = MeaningOf(0x4000 | GetParam().number);
  EXPECT_FALSE(meaning.may_retry);
  EXPECT_EQ(meaning.code, GetParam().code);
  EXPECT_EQ(meaning.name, MeaningOf(GetParam().number).name);
}

INSTANTIATE_TEST_SUITE_P(Generic, NvmeReadStatus,
                         ::testing::Values(Expected{0x001, StatusCode::kFailedPrecondition, false},  // opcode
                                           Expected{0x002, StatusCode::kInvalidArgument, false},     // field
                                           Expected{0x003, StatusCode::kUnavailable, true},          // command id
                                           Expected{0x004, StatusCode::kUnavailable, true},          // transfer
                                           Expected{0x006, StatusCode::kUnavailable, true},          // internal
                                           Expected{0x007, StatusCode::kUnavailable, true},          // abort
                                           Expected{0x008, StatusCode::kUnavailable, true},          // queue deleted
                                           Expected{0x00b, StatusCode::kFailedPrecondition, false},  // namespace
                                           Expected{0x013, StatusCode::kInvalidArgument, false},     // PRP
                                           Expected{0x015, StatusCode::kPermissionDenied, false},    // denied
                                           Expected{0x01c, StatusCode::kFailedPrecondition, false},  // sanitize
                                           Expected{0x01d, StatusCode::kFailedPrecondition, false},  // sanitize
                                           Expected{0x020, StatusCode::kFailedPrecondition, false},  // protected
                                           Expected{0x021, StatusCode::kUnavailable, true},          // interrupted
                                           Expected{0x022, StatusCode::kUnavailable, true},          // transport
                                           Expected{0x080, StatusCode::kOutOfRange, false},          // range
                                           Expected{0x081, StatusCode::kFailedPrecondition, false},  // capacity
                                           Expected{0x082, StatusCode::kUnavailable, true},          // not ready
                                           Expected{0x083, StatusCode::kFailedPrecondition, false},  // reservation
                                           Expected{0x084, StatusCode::kFailedPrecondition, false},  // formatting
                                           Expected{0x07f, StatusCode::kDataLoss, true}));           // nobody's
INSTANTIATE_TEST_SUITE_P(OfTheCommand, NvmeReadStatus,
                         ::testing::Values(Expected{0x181, StatusCode::kFailedPrecondition, false},
                                           Expected{0x182, StatusCode::kFailedPrecondition, false},
                                           Expected{0x183, StatusCode::kInvalidArgument, false},
                                           Expected{0x1bb, StatusCode::kFailedPrecondition, false}));
INSTANTIATE_TEST_SUITE_P(
    OfTheMedia, NvmeReadStatus,
    ::testing::Values(Expected{0x280, StatusCode::kDataLoss, true}, Expected{0x281, StatusCode::kDataLoss, true},
                      Expected{0x282, StatusCode::kDataLoss, false}, Expected{0x284, StatusCode::kDataLoss, false},
                      Expected{0x286, StatusCode::kPermissionDenied, false},
                      Expected{0x287, StatusCode::kFailedPrecondition, false}, Expected{0x2ff, StatusCode::kDataLoss, true}));
INSTANTIATE_TEST_SUITE_P(
    OfThePathAndOfVendors, NvmeReadStatus,
    ::testing::Values(Expected{0x300, StatusCode::kUnavailable, true}, Expected{0x302, StatusCode::kUnavailable, true},
                      Expected{0x303, StatusCode::kUnavailable, true}, Expected{0x370, StatusCode::kUnavailable, true},
                      Expected{0x371, StatusCode::kUnavailable, true}, Expected{0x3ff, StatusCode::kUnavailable, true},
                      Expected{0x7c0, StatusCode::kDataLoss, true}));

TEST(NvmeReadError, NamesTheReadTheStatusAndTheRemedy) {
  const TempFile file(0);
  const Volume volume = file.Open();
  const absl::Status status = NvmeReadError(0x4080, ReadPath::kNvme, {volume, 8192, 4096});
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(CauseOf(status), "reading 4096 bytes at offset 8192 of " + file.path() +
                                 " by path nvme failed: LBA Out of Range (NVMe status 0x4080, do not retry)");
  EXPECT_THAT(RemedyOf(status), HasSubstr("within the size of the volume"));
  EXPECT_EQ(NvmeStatusOf(status), 0x4080);
}

TEST(NvmeReadError, SaysThatItWasAWrite) {
  const TempFile file(0);
  const Volume volume = file.Open();
  const absl::Status status = NvmeReadError(0x4020, ReadPath::kNvme, {volume, 8192, 4096, Direction::kWrite});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), HasSubstr("writing 4096 bytes at offset 8192"));
  EXPECT_THAT(RemedyOf(status), HasSubstr("write protection"));
}

TEST(NvmeReadError, SaysWhichPathItTook) {
  const TempFile file(0);
  const Volume volume = file.Open();
  const absl::Status status = NvmeReadError(0x2281, ReadPath::kBar, {volume, 0, 512});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(CauseOf(status), HasSubstr("by path bar failed: Unrecovered Read Error (NVMe status 0x2281)"));
  EXPECT_EQ(NvmeStatusOf(status), 0x2281);
}

}  // namespace
}  // namespace penstock::driver
