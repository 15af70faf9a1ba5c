// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Workgroups at their own pace: random opcodes, delays and deferrals on small rings, compared with a sequential model.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "penstock/cpu_device.h"
#include "tests/hip/bare_interpreter.h"
#include "tests/hip/device_session.h"
#include "tests/runtime/test_handlers.h"

namespace penstock {
namespace {

using layout::Priority;

constexpr u32 kSums = 8;             // user words 0 to 7 take sums
constexpr u32 kFirstRunCount = 100;  // from here on, one word a RunAgain slot
constexpr u32 kSlots = 3000;

// What a slot must come to, whatever runs beside it.
struct Expected {
  Ticket ticket;
  bool has_result;
  u64 result;
  bool is_fence;
};

class Divergence : public testing::TestWithParam<Shape> {
 protected:
  void Open(u32 seed) {
    random_.seed(seed);
    CpuDeviceOptions options = OptionsFor(GetParam());
    options.ring.slot_counts = {1, 2, 8, 4, 16};
    options.ring.first_sequence = ~0u - Below(kSlots);
    options.user_words = kFirstRunCount + kSlots;
    device_ = MakeDevice<TestProgram>(options);
    ASSERT_TRUE(device_->Start().ok());
  }
  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }

  Work RandomWork(u32 number, Expected& expected);
  void ReapSome(bool all);
  void Check(const Expected& expected, const Completion& completion);
  void RunRandomSlots(u32 seed);

  std::mt19937 random_;
  std::unique_ptr<Device> device_;
  std::array<u32, kSums> sums_ = {};
  std::array<std::vector<Expected>, layout::kPriorityCount> in_flight_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, Divergence, testing::Values(Shape{1, 1}, Shape{2, 1}, Shape{3, 1}, Shape{5, 1}, Shape{2, 2}),
                         ShapeName);

Work Divergence::RandomWork(u32 number, Expected& expected) {
  switch (Below(8)) {
    case 0:
    case 1: {
      const u32 word = Below(kSums);
      const u32 addend = Below(1000);
      sums_[word] += addend;
      return MakeWork(layout::kAtomicAdd, {word, addend});
    }
    case 2:
      expected = {{}, true, Below(4), false};
      return MakeWork(RunAgain::kOpcode, {static_cast<u32>(expected.result), Below(2), kFirstRunCount + number});
    case 3: expected.is_fence = true; return MakeWork(layout::kBatchFence, {0});
    default:
      expected = {{}, true, MixSlowly::Mixed(number), false};
      return MakeWork(MixSlowly::kOpcode, {number, Below(10) == 0 ? Below(60) : 0});
  }
}

void Divergence::Check(const Expected& expected, const Completion& completion) {
  ASSERT_TRUE(completion.ok()) << completion.ToStatus("a random slot");
  if (expected.has_result) {
    ASSERT_EQ(completion.result, expected.result);
  }
}

// Takes random slots that have ended. A fence that has ended must find all slots before it ended.
void Divergence::ReapSome(bool all) {
  for (auto& slots : in_flight_) {
    for (size_t i = slots.size(); i-- > 0;) {
      Completion completion;
      if (!device_->ring().TryReap(slots[i].ticket, completion)) continue;
      ASSERT_NO_FATAL_FAILURE(Check(slots[i], completion));
      const bool is_fence = slots[i].is_fence;
      slots.erase(slots.begin() + static_cast<long>(i));
      for (size_t before = i; is_fence && before-- > 0;) {
        ASSERT_TRUE(device_->ring().TryReap(slots[before].ticket, completion)) << "a fence ended before its batch";
        ASSERT_NO_FATAL_FAILURE(Check(slots[before], completion));
        slots.erase(slots.begin() + static_cast<long>(before));
      }
      if (is_fence) break;
      if (!all && Below(3) == 0) break;
    }
  }
}

void Divergence::RunRandomSlots(u32 seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  ASSERT_NO_FATAL_FAILURE(Open(seed));
  for (u32 number = 0; number < kSlots;) {
    const u32 priority = Below(layout::kPriorityCount);
    if (device_->ring().free_slots(static_cast<Priority>(priority)) > 0) {
      Expected expected = {};
      Work work = RandomWork(number++, expected);
      work.priority = static_cast<Priority>(priority);
      expected.ticket = Publish(*device_, work);
      in_flight_[priority].push_back(expected);
    }
    ASSERT_NO_FATAL_FAILURE(ReapSome(false));
    if (Below(400) == 0) {
      ASSERT_TRUE(device_->Stop(kPatience).ok());
      ASSERT_TRUE(device_->Start().ok());
    }
  }
  const u64 start = device::Group::Ticks();
  while (device_->ring().in_flight() > 0) {
    ASSERT_NO_FATAL_FAILURE(ReapSome(true));
    ASSERT_LT(device::Group::Ticks() - start, 60 * device::Group::kTicksPerSecond) << device_->ring().Dump();
  }
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  for (u32 i = 0; i < kSums; ++i) EXPECT_EQ(device_->control_word(layout::kControlUserWords + i), sums_[i]);
  EXPECT_EQ(device_->counters().done, kSlots);
  EXPECT_EQ(device_->counters().faults, 0u);
}

TEST_P(Divergence, RandomSlotsComeToWhatASequentialModelSays) { RunRandomSlots(20261121); }

TEST_P(Divergence, AndWithASeedThatIsNewEachTime) {
  const u32 seed = std::random_device()();
  std::cout << "seed " << seed << std::endl;
  RunRandomSlots(seed);
}

// One thread plays host and device in turn, so that many laps take no time.
TEST(ManyLaps, OfATinyRingAcrossTheWrapOfSequenceNumbers) {
  constexpr u32 kLaps = (1u << 16) + 1000;
  CpuDeviceOptions options;
  options.user_words = 8;  // they are mirrored at the end of every lap
  options.ring.first_sequence = ~0u - kLaps;
  BareInterpreter<TestProgram> interpreter(options, 2);
  for (u32 lap = 0; lap < kLaps; ++lap) {
    const u32 value = lap;
    const Ticket mix = interpreter.ring().Publish(MakeWork(MixSlowly::kOpcode, {value, 0})).value();
    const Ticket fence = interpreter.ring().Publish(MakeWork(layout::kBatchFence, {0})).value();
    interpreter.RunOnce();
    Completion completion;
    ASSERT_TRUE(interpreter.ring().TryReap(fence, completion)) << "lap " << lap << "\n" << interpreter.ring().Dump();
    ASSERT_TRUE(interpreter.ring().TryReap(mix, completion));
    ASSERT_EQ(completion.result, MixSlowly::Mixed(value));
  }
  EXPECT_EQ(interpreter.memory().counters().done, 2 * kLaps);
}

TEST(ManyLaps, OfATinyRingWithDeferredSlots) {
  constexpr u32 kLaps = (1u << 16) + 1000;
  CpuDeviceOptions options;
  options.user_words = 8;
  BareInterpreter<TestProgram> interpreter(options, 1);  // eight cells for deferred slots
  for (u32 lap = 0; lap < kLaps; ++lap) {
    interpreter.memory().user_words()[0] = 0;
    ASSERT_EQ(ResultOf(interpreter.Run(MakeWork(RunAgain::kOpcode, {3, lap % 2, 0}))), 3u) << "lap " << lap;
  }
  EXPECT_EQ(interpreter.memory().counters().yields, 3 * kLaps);
}

}  // namespace
}  // namespace penstock
