// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the answers of a whole run do not show: which reads the handler asks for, and what it does when they end badly.
#include "lookup.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "tests/fakes/fake_io_service.h"
#include "tests/hip/device_session.h"

namespace hash_lookup {
namespace {

using layout::FaultReason;
using layout::IoCause;
using penstock::Completion;
using penstock::ExpectFault;
using penstock::ResultOf;
using penstock::Ticket;
using penstock::Work;
using Taken = penstock::fakes::FakeIoService::Taken;

constexpr u32 kBuckets = 8;
constexpr u32 kLines = 2;
constexpr u32 kTableHandle = 0x10007;
constexpr u32 kFirstDestination = 0x30000;

/// The n-th key whose search begins in the bucket.
u64 KeyOf(u32 bucket, u32 n = 0) {
  for (u64 key = 1;; ++key) {
    if (FirstBucket(key, kBuckets) == bucket && n-- == 0) return key;
  }
}

class Lookups : public testing::TestWithParam<penstock::Shape> {
 protected:
  void SetUp() override { Make(absl::Seconds(30)); }

  void Make(absl::Duration slot_limit) {
    penstock::TestOptions options = penstock::OptionsFor(GetParam());
    options.io_queues = 1;
    options.slot_limit = slot_limit;
    device_ = penstock::MakeDevice<Program>(options);
    service_.emplace(device_->io_queues());
    lines_.assign(kLines, {});
    for (u32 i = 0; i < kLines; ++i) lines_[i].destination = kFirstDestination + i;
    lookup_.table = kTableHandle;
    lookup_.bucket_count = kBuckets;
    lookup_.line_count = kLines;
    lookup_.lines = penstock::Register(*device_, {reinterpret_cast<penstock::u8*>(lines_.data()), kLines * sizeof(CacheLine)});
    lookup_.bytes = penstock::Register(*device_, {reinterpret_cast<penstock::u8*>(bytes_.data()), kLines * sizeof(Bucket)});
    for (u32 i = 0; i < kBuckets; ++i) table_[i].header = {kBucketMagic, i, 0, 0};
    ASSERT_TRUE(device_->Start().ok());
  }

  void Put(u32 bucket, const Entry& entry) { table_[bucket].entry[table_[bucket].header.entry_count++] = entry; }

  static Work WorkOf(const LookupArguments& lookup) {
    Work work = {.opcode = Lookup::kOpcode};
    EncodeLookup(lookup, work.argument.data());
    return work;
  }
  Ticket Ask(u64 key) {
    lookup_.key = key;
    return penstock::Publish(*device_, WorkOf(lookup_));
  }
  Completion Answer(const Ticket& ticket) { return penstock::WaitFor(*device_, ticket); }

  /// The next read, which is to be of this bucket.
  Taken TakeReadOf(u32 bucket) {
    const Taken taken = service_->Take();
    EXPECT_EQ(taken.request.op_type, layout::kIoRead);
    EXPECT_EQ(taken.request.source_handle, kTableHandle);
    EXPECT_EQ(taken.request.destination_handle, kFirstDestination + bucket % kLines);
    EXPECT_EQ(taken.request.offset_bytes, u64{bucket} * kBucketBytes);
    EXPECT_EQ(taken.request.byte_count, kBucketBytes);
    return taken;
  }
  void Land(const Taken& taken, u32 bucket) {
    bytes_[taken.request.destination_handle - kFirstDestination] = table_[bucket];
    service_->End(taken, {0, kBucketBytes});
  }
  void LandReadOf(u32 bucket) { Land(TakeReadOf(bucket), bucket); }
  /// Gives the device time for what it must not do.
  void ExpectNoRead() {
    Taken none;
    for (u32 i = 0; i < 50; ++i) EXPECT_TRUE(penstock::RunWork(*device_, {}).ok());
    EXPECT_FALSE(service_->TryTake(0, none)) << "a read of byte " << none.request.offset_bytes;
  }

  std::vector<Bucket> table_{kBuckets};
  std::vector<Bucket> bytes_{kLines};
  std::vector<CacheLine> lines_;
  LookupArguments lookup_ = {};
  std::unique_ptr<penstock::Device> device_;
  std::optional<penstock::fakes::FakeIoService> service_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, Lookups, penstock::AllShapes(), penstock::ShapeName);

TEST(CacheLine, IsNotTakenFromItsReaders) {
  CacheLine line = {};
  EXPECT_EQ(line.TryHold(1), Hold::kMiss);
  EXPECT_EQ(line.EndLoad(1, {0, kBucketBytes}), Hold::kHeld);
  EXPECT_EQ(line.TryHold(1), Hold::kHeld);
  EXPECT_EQ(line.TryHold(3), Hold::kBusy);
  line.Release();
  EXPECT_EQ(line.TryHold(3), Hold::kBusy);
  line.Release();
  EXPECT_EQ(line.TryHold(3), Hold::kMiss);
}

TEST_P(Lookups, OfOneBucketShareOneRead) {
  Put(3, {KeyOf(3, 0), 100});
  Put(3, {KeyOf(3, 1), 101});
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 30; ++i) tickets.push_back(Ask(KeyOf(3, i % 3)));
  LandReadOf(3);
  for (u32 i = 0; i < 30; ++i) EXPECT_EQ(ResultOf(Answer(tickets[i])), i % 3 == 2 ? kNotFound : 100 + i % 3);
  ExpectNoRead();
}

TEST_P(Lookups, GoOnBehindTheLastBucketWithTheFirstWhereThatIsFull) {
  const u32 last = kBuckets - 1;
  for (u32 i = 0; i < kEntriesPerBucket; ++i) Put(last, {KeyOf(last, i), i});
  Put(0, {KeyOf(last, kEntriesPerBucket), 1000});
  const Ticket found = Ask(KeyOf(last, kEntriesPerBucket));
  LandReadOf(last);
  LandReadOf(0);
  EXPECT_EQ(ResultOf(Answer(found)), 1000u);
  EXPECT_EQ(ResultOf(Answer(Ask(KeyOf(last, kEntriesPerBucket - 1)))), kEntriesPerBucket - 1);
  EXPECT_EQ(ResultOf(Answer(Ask(KeyOf(last, kEntriesPerBucket + 1)))), kNotFound);
  ExpectNoRead();
}

TEST_P(Lookups, EndInATableThatIsFull) {
  for (Bucket& bucket : table_) bucket.header.entry_count = kEntriesPerBucket;
  const Ticket ticket = Ask(KeyOf(5));
  for (u32 i = 0; i < kBuckets; ++i) LandReadOf((5 + i) % kBuckets);
  EXPECT_EQ(ResultOf(Answer(ticket)), kNotFound);
}

TEST_P(Lookups, DoNotTakeALineFromARead) {
  Put(2, {KeyOf(2), 20});
  Put(4, {KeyOf(4), 40});
  const Ticket first = Ask(KeyOf(2));
  const Taken read = TakeReadOf(2);
  const Ticket second = Ask(KeyOf(4));  // in the same line
  ExpectNoRead();
  Land(read, 2);
  EXPECT_EQ(ResultOf(Answer(first)), 20u);
  LandReadOf(4);
  EXPECT_EQ(ResultOf(Answer(second)), 40u);
}

TEST_P(Lookups, EndWithTheCauseOfAReadThatFailsAndTheNextReadsAgain) {
  Put(2, {KeyOf(2), 20});
  const Ticket fails = Ask(KeyOf(2));
  service_->End(TakeReadOf(2), {static_cast<u32>(IoCause::kMedium), 0});
  ExpectFault(Answer(fails), FaultReason::kIoFailed, static_cast<u32>(IoCause::kMedium));
  const Ticket works = Ask(KeyOf(2));
  LandReadOf(2);
  EXPECT_EQ(ResultOf(Answer(works)), 20u);
}

TEST_P(Lookups, NeverUseALineAgainWhoseReadMayStillLand) {
  Make(absl::Milliseconds(200));
  Put(3, {KeyOf(3), 30});
  const Ticket late = Ask(KeyOf(2));
  const Taken read = TakeReadOf(2);
  ExpectFault(Answer(late), FaultReason::kIoFailed, static_cast<u32>(IoCause::kGivenUp));
  ExpectFault(Answer(Ask(KeyOf(4))), FaultReason::kIoFailed, static_cast<u32>(IoCause::kGivenUp));
  Land(read, 2);
  ExpectFault(Answer(Ask(KeyOf(2))), FaultReason::kIoFailed, static_cast<u32>(IoCause::kGivenUp));
  const Ticket other = Ask(KeyOf(3));
  LandReadOf(3);
  EXPECT_EQ(ResultOf(Answer(other)), 30u);
}

TEST_P(Lookups, TakeNoAnswerFromAnotherBucket) {
  Put(4, {KeyOf(2), 20});
  const Ticket ticket = Ask(KeyOf(2));
  Land(TakeReadOf(2), 4);
  ExpectFault(Answer(ticket), FaultReason::kHandlerFault, 2);
}

TEST_P(Lookups, AreRefusedWithArgumentsThatMakeNoSense) {
  LookupArguments lookup = lookup_;
  const auto refused = [&](FaultReason reason, u32 detail) {
    ExpectFault(penstock::RunWork(*device_, WorkOf(lookup)), reason, detail);
    lookup = lookup_;
    lookup.key = KeyOf(1);
  };
  lookup.key = kNoKey;
  refused(FaultReason::kBadArgument, 0);
  lookup.bucket_count = 0;
  refused(FaultReason::kBadArgument, 3);
  lookup.line_count = 0;
  refused(FaultReason::kBadArgument, 6);
  lookup.line_count = ~0u;
  refused(FaultReason::kBadArgument, 6);
  lookup.line_count = kLines + 1;
  refused(FaultReason::kOutOfRange, 0);
  lookup.lines = 77;
  refused(FaultReason::kBadHandle, 77);
  ExpectNoRead();
}

}  // namespace
}  // namespace hash_lookup
