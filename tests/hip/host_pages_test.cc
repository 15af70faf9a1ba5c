// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How memory is made reachable for GPUs, whatever the application has pinned before, and for how long. No GPU is needed: the
// program's own functions stand before the library's of the same names.
#include "hip/host_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hip/gpu_api.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr size_t kPage = 4096;

/// A page that a GPU knows.
struct Known {
  uintptr_t on_gpu;
  std::optional<int> owner;  // the GPU whose memory it is; nothing: the host's, pinned by the application
};

/// What there is beside the code under test.
struct World {
  std::map<uintptr_t, Known> known_pages;
  std::map<uintptr_t, size_t> pinned;  // first byte, bytes
  std::map<uintptr_t, int> pinned_on;  // first byte, GPU that was current
  std::vector<unsigned int> flags;     // of what was pinned
  uintptr_t cannot_pin = 0;            // no memory that begins here
  int current_gpu = 0;
  hipError_t unknown_error = hipErrorInvalidValue;  // what the library says of memory that no GPU knows: since HIP 6 nothing
  std::vector<int> reached;                         // GPUs whose memory the current one was given access to
  hipError_t reach_error = hipSuccess;
} world;

class HostPagesTest : public testing::Test {
 protected:
  void SetUp() override { world = {}; }

  void Know(size_t page, Known known) { world.known_pages[Address(page)] = known; }
  uintptr_t Address(size_t page) const { return reinterpret_cast<uintptr_t>(memory_ + page * kPage); }
  absl::Span<std::byte> Pages(size_t first, size_t count) {
    return absl::MakeSpan(memory_).subspan(first * kPage, count * kPage);
  }

  alignas(kPage) std::byte memory_[4 * kPage] = {};
  HostPages pages_;
};

TEST_F(HostPagesTest, TakesMemoryThatTheGpuKnowsAsItIs) {
  for (size_t page = 0; page < 4; ++page) Know(page, {0x10000 + page * kPage, std::nullopt});
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_).subspan(100, 3 * kPage)).value(), 0x10000u + 100);
  EXPECT_THAT(world.pinned, IsEmpty());
}

/// HIP 6 and later say of it that it is no GPU's, and no GPU's number is not that of a GPU to be reached.
TEST_F(HostPagesTest, PinsMemoryThatTheLibraryDescribesWithoutKnowingIt) {
  world.unknown_error = hipSuccess;
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).value(), Address(0));
  EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(0), 4 * kPage)));
  EXPECT_THAT(world.reached, IsEmpty());
}

/// The GPU would find other memory, or none, between the two.
TEST_F(HostPagesTest, RefusesMemoryThatTheGpuKnowsInPieces) {
  Know(0, {0x10000, std::nullopt});
  Know(3, {0x90000, std::nullopt});
  const absl::Status refused = pages_.Map(absl::MakeSpan(memory_)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(CauseOf(refused), HasSubstr("several pieces"));
  EXPECT_THAT(RemedyOf(refused), HasSubstr("pages of its own"));
}

/// With one address for both sides the ends alone do not tell.
TEST_F(HostPagesTest, RefusesMemoryOfWhichTheApplicationHasPinnedTheEndsOnly) {
  Know(0, {Address(0), std::nullopt});
  Know(3, {Address(3), std::nullopt});
  const absl::Status refused = pages_.Map(absl::MakeSpan(memory_).subspan(100)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(CauseOf(refused), HasSubstr("several pieces"));
  for (size_t page : {1, 2}) Know(page, {Address(page), std::nullopt});
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).value(), Address(0));
}

TEST_F(HostPagesTest, RefusesMemoryOfWhichTheApplicationHasPinnedAPartBesideADevices) {
  HostPages other;
  EXPECT_TRUE(other.Map(Pages(0, 1)).ok());
  Know(1, {Address(1), std::nullopt});
  Know(3, {Address(3), std::nullopt});
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).status().code(), absl::StatusCode::kUnavailable);
  Know(2, {Address(2), std::nullopt});
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).value(), Address(0));
  EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(0), kPage)));
}

TEST_F(HostPagesTest, KeepsWhatADeviceHasPinnedBetweenPagesOfTheApplications) {
  auto other = std::make_unique<HostPages>();
  EXPECT_TRUE(other->Map(Pages(1, 2)).ok());
  for (size_t page : {0, 3}) Know(page, {Address(page), std::nullopt});
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).value(), Address(0));
  other.reset();
  EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(1), 2 * kPage)));
}

TEST_F(HostPagesTest, KeepsNothingOfABufferThatCannotBePinnedAsAWhole) {
  HostPages other;
  EXPECT_TRUE(other.Map(Pages(1, 1)).ok());
  world.cannot_pin = Address(2);
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(1), kPage)));
}

TEST_F(HostPagesTest, PinsEachPageOnceForAllGpusAndUnpinsItAtTheEnd) {
  {
    HostPages pages;
    EXPECT_EQ(pages.Map(absl::MakeSpan(memory_).subspan(100, kPage)).value(), Address(0) + 100);  // two pages
    EXPECT_TRUE(pages.Map(Pages(1, 2)).ok());                                                     // one more
    EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(0), 2 * kPage), std::pair(Address(2), kPage)));
    EXPECT_THAT(world.flags,
                testing::Each(testing::Truly([](unsigned int flags) { return (flags & hipHostRegisterPortable) != 0; })));
  }
  EXPECT_THAT(world.pinned, IsEmpty());
}

TEST_F(HostPagesTest, KeepsPinnedWhatAnotherDeviceUses) {
  auto first = std::make_unique<HostPages>();
  EXPECT_TRUE(first->Map(Pages(0, 2)).ok());
  {
    HostPages second;
    world.current_gpu = 1;
    EXPECT_TRUE(second.Map(Pages(1, 2)).ok());
    first.reset();
    EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(0), 2 * kPage), std::pair(Address(2), kPage)));
  }
  EXPECT_THAT(world.pinned, IsEmpty());
}

TEST_F(HostPagesTest, KeepsForGoodWhatIsAbandonedAndUsesItAgain) {
  static std::byte* const memory = static_cast<std::byte*>(std::aligned_alloc(kPage, kPage));  // stays pinned
  {
    HostPages pages;
    EXPECT_TRUE(pages.Map({memory, kPage}).ok());
    pages.Abandon();
  }
  EXPECT_EQ(world.pinned.size(), 1u);
  EXPECT_TRUE(pages_.Map({memory, kPage}).ok());
  EXPECT_EQ(world.flags.size(), 1u);
}

/// A reset takes away what was pinned while the GPU was current, and only that.
TEST_F(HostPagesTest, PinsAnewWhatAResetHasTakenAway) {
  auto lost = std::make_unique<HostPages>();
  HostPages kept;
  EXPECT_TRUE(lost->Map(Pages(0, 1)).ok());
  world.current_gpu = 1;
  EXPECT_TRUE(kept.Map(Pages(1, 1)).ok());
  world.current_gpu = 0;
  HostPages::ResetGpu(0);
  EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(1), kPage)));
  EXPECT_TRUE(pages_.Map(Pages(0, 2)).ok());
  lost.reset();
  EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(0), kPage), std::pair(Address(1), kPage)));
  EXPECT_EQ(world.flags.size(), 3u);
}

/// What a device of another GPU has pinned is still pinned then.
TEST_F(HostPagesTest, UnpinsAfterAResetWhatAnotherGpusDeviceHasPinned) {
  auto first = std::make_unique<HostPages>();
  auto lost = std::make_unique<HostPages>();
  world.current_gpu = 1;
  EXPECT_TRUE(first->Map(Pages(0, 1)).ok());
  world.current_gpu = 0;
  EXPECT_TRUE(lost->Map(Pages(0, 1)).ok());
  first.reset();
  HostPages::ResetGpu(0);
  EXPECT_THAT(world.pinned, ElementsAre(std::pair(Address(0), kPage)));
  lost.reset();
  EXPECT_THAT(world.pinned, IsEmpty());
}

TEST_F(HostPagesTest, GetsTheCurrentGpuAccessToTheMemoryOfAnother) {
  for (size_t page = 0; page < 4; ++page) Know(page, {0x10000 + page * kPage, 1});
  world.current_gpu = 1;
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).value(), 0x10000u);
  EXPECT_THAT(world.reached, IsEmpty()) << "it is its own";
  world.current_gpu = 0;
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_)).value(), 0x10000u);
  EXPECT_THAT(world.reached, testing::Contains(1));
  world.reach_error = hipErrorPeerAccessAlreadyEnabled;
  EXPECT_TRUE(pages_.Map(absl::MakeSpan(memory_)).ok());
}

TEST_F(HostPagesTest, RefusesMemoryOfAGpuThatTheCurrentOneCannotReach) {
  for (size_t page = 0; page < 4; ++page) Know(page, {0x10000 + page * kPage, 1});
  world.reach_error = hipErrorInvalidDevice;
  const absl::Status refused = pages_.Map(absl::MakeSpan(memory_)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(refused), HasSubstr("GPU 0 cannot reach the memory of GPU 1"));
}

}  // namespace
}  // namespace penstock::hip

using penstock::hip::kPage;
using penstock::hip::world;

extern "C" {

hipError_t hipPointerGetAttributes(hipPointerAttribute_t* attributes, const void* memory) {
  const auto at = reinterpret_cast<uintptr_t>(memory);
  const auto page = world.known_pages.find(at / kPage * kPage);
  const auto next = world.pinned.upper_bound(at);
  if (next != world.pinned.begin() && at - std::prev(next)->first < std::prev(next)->second) {
    *attributes = {};
    attributes->devicePointer = attributes->hostPointer = const_cast<void*>(memory);
    attributes->device = world.pinned_on[std::prev(next)->first];
    return hipSuccess;
  }
  if (page == world.known_pages.end()) {
    if (world.unknown_error != hipSuccess) return world.unknown_error;
    *attributes = {};
    attributes->device = -2;  // hipInvalidDeviceId of HIP 6
    return hipSuccess;
  }
  attributes->devicePointer = reinterpret_cast<void*>(page->second.on_gpu + at % kPage);
  attributes->hostPointer = page->second.owner.has_value() ? nullptr : const_cast<void*>(memory);
  attributes->device = page->second.owner.value_or(0);
  return hipSuccess;
}

hipError_t hipHostRegister(void* begin, size_t bytes, unsigned int flags) {
  const auto at = reinterpret_cast<uintptr_t>(begin);
  if (at == world.cannot_pin) return hipErrorOutOfMemory;
  const auto known = world.known_pages.lower_bound(at);
  if (known != world.known_pages.end() && known->first < at + bytes) return hipErrorHostMemoryAlreadyRegistered;
  world.pinned.emplace(at, bytes);
  world.pinned_on[at] = world.current_gpu;
  world.flags.push_back(flags);
  return hipSuccess;
}

hipError_t hipHostUnregister(void* begin) {
  world.pinned.erase(reinterpret_cast<uintptr_t>(begin));
  return hipSuccess;
}

hipError_t hipDeviceReset() {
  std::erase_if(world.pinned, [](const auto& entry) { return world.pinned_on[entry.first] == world.current_gpu; });
  return hipSuccess;
}

hipError_t hipHostGetDevicePointer(void** on_gpu, void* memory, unsigned int) {
  *on_gpu = memory;
  return hipSuccess;
}

hipError_t hipDeviceEnablePeerAccess(int owner, unsigned int) {
  world.reached.push_back(owner);
  return owner < 0 ? hipErrorInvalidDevice : world.reach_error;
}

hipError_t hipGetDevice(int* index) {
  *index = world.current_gpu;
  return hipSuccess;
}

hipError_t hipGetLastError() { return hipSuccess; }

}  // extern "C"
