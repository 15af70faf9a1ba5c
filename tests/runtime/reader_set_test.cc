// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/reader_set.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_read_queue.h"

namespace penstock {
namespace {

using fakes::FakeReadQueue;
using fakes::FaultKind;

constexpr uint32_t kBytes = 4096;

/// Counts the Waits of a fake, and those of them that were allowed to wait.
class CountingQueue final : public ReadQueue {
 public:
  ReadPath path() const override { return fake.path(); }
  uint32_t capacity() const override { return fake.capacity(); }
  void Attach(const Volume& volume) override { fake.Attach(volume); }
  void Detach(const Volume& volume) override { fake.Detach(volume); }
  bool TryQueue(const RawRead& read) override { return fake.TryQueue(read); }
  absl::Status Submit() override { return fake.Submit(); }
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override {
    ++calls;
    waits += timeout > absl::ZeroDuration() ? 1 : 0;
    return fake.Wait(completions, timeout);
  }
  void Cancel(uint64_t user_data) override { fake.Cancel(user_data); }
  uint64_t bounce_bytes() const override { return fake.bounce_bytes(); }

  FakeReadQueue fake{{}};
  int calls = 0;
  int waits = 0;
};

class ReaderSetTest : public testing::Test {
 protected:
  ReaderSetTest() {
    for (Reader* reader : {&first_, &second_}) set_.Add(*reader);
  }

  void Start(Reader& reader, uint64_t tag) {
    EXPECT_TRUE(
        reader.Start({.tag = tag, .volume = &volume_, .length_bytes = kBytes, .destination = absl::MakeSpan(memory_)}).ok());
  }
  absl::Status Wait() {
    return set_.Wait(absl::Milliseconds(100), [this](const ChunkResult& result) { tags_.push_back(result.tag); });
  }
  void WaitTimes(int times) {
    for (int i = 0; i < times; ++i) EXPECT_TRUE(Wait().ok());
  }

  const TempFile file_{kBytes};
  const Volume volume_ = file_.Open();
  std::array<std::byte, kBytes> memory_;
  CountingQueue queues_[2];
  Reader first_{queues_[0], {.depth = 4}};
  Reader second_{queues_[1], {.depth = 4}};
  ReaderSet set_{8};
  std::vector<uint64_t> tags_;
};

TEST_F(ReaderSetTest, WaitsOnceForTheOnlyReaderInUse) {
  set_.Add(second_);  // again: changes nothing
  EXPECT_FALSE(set_.AnyInFlight());
  Start(second_, 7);
  EXPECT_TRUE(set_.AnyInFlight());
  EXPECT_TRUE(Wait().ok());
  EXPECT_EQ(tags_, std::vector<uint64_t>{7});
  EXPECT_EQ(queues_[0].calls, 0);
  EXPECT_EQ(queues_[1].calls, 1);
  EXPECT_EQ(queues_[1].waits, 1);
}

TEST_F(ReaderSetTest, DoesNotWaitWhileAnyReaderHasSomething) {
  queues_[0].fake.Inject({FaultKind::kLate, 10});
  Start(first_, 1);
  Start(second_, 2);
  EXPECT_TRUE(Wait().ok());
  EXPECT_EQ(tags_, std::vector<uint64_t>{2});
  EXPECT_EQ(queues_[0].waits + queues_[1].waits, 0);
}

TEST_F(ReaderSetTest, WaitsForTheReaderWhoseReadsComeSoonest) {
  queues_[0].fake.Inject({FaultKind::kLate, 60});
  Start(first_, 1);
  Start(second_, 2);
  while (tags_.size() < 2) WaitTimes(1);
  // The first reader's read took dozens of waits, the second one's none: from now on the second is waited for.
  queues_[0].waits = queues_[1].waits = 0;
  queues_[0].fake.Inject({FaultKind::kLate, 1000});
  queues_[1].fake.Inject({FaultKind::kLate, 5});
  Start(first_, 3);
  Start(second_, 4);
  while (tags_.size() < 3) WaitTimes(1);
  EXPECT_EQ(tags_.back(), 4u);
  EXPECT_EQ(queues_[0].waits, 0);
  EXPECT_GT(queues_[1].waits, 0);
  EXPECT_TRUE(set_.Drain(absl::Seconds(10)).ok());
}

TEST_F(ReaderSetTest, TurnsToAnotherReaderWhenTheQuickOneDoesNotComeAnyMore) {
  queues_[0].fake.Inject({FaultKind::kStuckUntilCancelled});
  queues_[1].fake.Inject({FaultKind::kStuckUntilCancelled});
  Start(first_, 1);
  Start(second_, 2);
  WaitTimes(20);
  EXPECT_GT(queues_[0].waits, 5);
  EXPECT_GT(queues_[1].waits, 5);
  set_.CancelAll();
  while (tags_.size() < 2) WaitTimes(1);
  EXPECT_FALSE(set_.AnyInFlight());
}

TEST_F(ReaderSetTest, HandsOverWhatOthersHaveWhenOneBreaks) {
  queues_[0].fake.InjectCompletion({.user_data = ~uint64_t{0}, .result = kBytes});  // belongs to no read
  queues_[0].fake.Inject({FaultKind::kStuckUntilCancelled});
  Start(first_, 1);
  Start(second_, 2);
  EXPECT_EQ(Wait().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tags_, std::vector<uint64_t>{2});
  EXPECT_TRUE(set_.Drain(absl::Seconds(10)).ok());
}

TEST_F(ReaderSetTest, ForgetsAReaderThatIsRemoved) {
  set_.Remove(first_);
  Start(first_, 1);
  EXPECT_FALSE(set_.AnyInFlight());
  Start(second_, 2);
  EXPECT_TRUE(Wait().ok());
  EXPECT_EQ(tags_, std::vector<uint64_t>{2});
  EXPECT_EQ(queues_[0].calls, 0);
}

TEST_F(ReaderSetTest, SaysWhenOneCannotBeDrained) {
  queues_[0].fake.Inject({FaultKind::kLate, 150});  // cancelling it changes nothing
  Start(first_, 1);
  Start(second_, 2);
  EXPECT_TRUE(Wait().ok());
  EXPECT_EQ(set_.Drain(absl::Milliseconds(20)).code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace penstock
