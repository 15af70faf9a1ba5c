// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "driver/probe.h"
#include "penstock/buffer_pool.h"
#include "penstock/read_paths.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_read_queue.h"

namespace penstock {
namespace {

using fakes::FakeReadQueue;
using fakes::Fault;
using fakes::FaultKind;
using ::testing::HasSubstr;

class ProbeRead : public testing::Test {
 protected:
  std::optional<Refusal> Probe(const Fault& fault, size_t file_bytes = 8192) {
    const TempFile file(file_bytes);
    queue_.Inject(fault);
    return penstock::ProbeRead(queue_, file.Open(), pool_.buffer(0), absl::Milliseconds(50));
  }

  FakeReadQueue queue_{{}};
  BufferPool pool_ = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
};

constexpr Fault kNone{.kind = FaultKind::kLate, .value = 1};

TEST_F(ProbeRead, AcceptsAQueueThatDeliversTheVolumesBytes) {
  for (const size_t file_bytes : {1u, 4095u, 4096u, 4097u, 100'000u}) EXPECT_EQ(Probe(kNone, file_bytes), std::nullopt);
  EXPECT_EQ(queue_.attached_count(), 0);
}

TEST_F(ProbeRead, AcceptsAnEmptyVolume) { EXPECT_EQ(Probe(kNone, 0), std::nullopt); }

TEST_F(ProbeRead, AcceptsAQueueThatIsInterruptedAndShort) {
  queue_.InterruptNextWait();
  queue_.Inject({.kind = FaultKind::kError, .value = EAGAIN});
  EXPECT_EQ(Probe({.kind = FaultKind::kShort, .value = 10}), std::nullopt);
}

TEST_F(ProbeRead, RefusesSuccessThatDeliversNothing) {
  const auto refusal = Probe({.kind = FaultKind::kNothingDelivered});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->path, ReadPath::kPread);
  EXPECT_THAT(refusal->cause, HasSubstr("4096 of 4096 were not written at all"));
  EXPECT_THAT(refusal->remedy, HasSubstr("path pread"));
}

TEST_F(ProbeRead, RefusesASingleWrongByte) {
  const auto refusal = Probe({.kind = FaultKind::kWrongByte});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_THAT(refusal->cause, HasSubstr("wrong bytes, the first at offset 0; 1 of 4096"));
}

TEST_F(ProbeRead, RefusesAnErrorAndSaysWhich) {
  const auto refusal = Probe({.kind = FaultKind::kError, .value = EIO});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_THAT(refusal->cause, HasSubstr("EIO"));
  EXPECT_NE(refusal->remedy, "");
}

TEST_F(ProbeRead, RefusesAReadThatIsStuckUntilItIsCancelled) {
  const auto refusal = Probe({.kind = FaultKind::kStuckUntilCancelled});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_THAT(refusal->cause, HasSubstr("took longer than 50ms"));
  EXPECT_EQ(queue_.in_flight(), 0);
}

TEST_F(ProbeRead, RefusesAReadThatCannotEvenBeCancelled) {
  const auto refusal = Probe({.kind = FaultKind::kStuckForEver});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_THAT(refusal->cause, HasSubstr("neither completed nor could be cancelled"));
  EXPECT_THAT(refusal->remedy, HasSubstr("do not use this queue"));
}

/// Two places for pools, in one piece of a device's memory.
class ProbeOwnPool : public testing::Test {
 protected:
  static constexpr size_t kPoolBytes = 4096;

  std::shared_ptr<const BufferPool> MakePool() {
    return std::make_shared<const BufferPool>(make_pool_({.buffer_bytes = kPoolBytes, .buffer_count = 1}).value());
  }
  /// Where the first read goes wrong like that: the memory that a pool gets afterwards.
  const std::byte* PlaceAfter(const Fault& fault) {
    const TempFile file(8192);
    const Volume volume = file.Open();
    std::shared_ptr<const BufferPool> pool = MakePool();
    first_ = pool->memory().data();
    FakeReadQueue queue({});
    queue.Inject(fault);
    driver::ProbeOwnPool(queue, volume, std::move(pool), absl::Milliseconds(20));
    return MakePool()->memory().data();
  }

  alignas(4096) std::array<std::byte, 2 * kPoolBytes> memory_ = {};
  const BufferPoolMaker make_pool_ = PoolsIn({.memory = absl::MakeSpan(memory_), .name = "a window"});
  const std::byte* first_ = nullptr;
};

TEST_F(ProbeOwnPool, GivesItsMemoryBack) {
  EXPECT_EQ(PlaceAfter(kNone), first_);
  EXPECT_EQ(PlaceAfter({.kind = FaultKind::kError, .value = EIO}), first_);
}

TEST_F(ProbeOwnPool, KeepsMemoryThatAReadMayStillWriteTo) { EXPECT_NE(PlaceAfter({.kind = FaultKind::kStuckForEver}), first_); }

TEST_F(ProbeRead, PassesOnWhyAVolumeHasNoDirectReads) {
  if (access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm. Fix: mount a tmpfs there.";
  const TempFile file(4096, "/dev/shm");
  FakeReadQueue queue({.path = ReadPath::kRead});
  const auto refusal = penstock::ProbeRead(queue, file.Open(), pool_.buffer(0));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->path, ReadPath::kRead);
  EXPECT_THAT(refusal->cause, HasSubstr("tmpfs"));
}

}  // namespace
}  // namespace penstock
