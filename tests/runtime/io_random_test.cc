// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random requests over several volumes and queues, good and bad ones, every byte checked. PENSTOCK_IO_REQUESTS: how many.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

#include "tests/runtime/io_rig.h"

namespace penstock {
namespace {

using layout::IoCause;

constexpr u32 kVolumes = 3;
constexpr u32 kQueues = 4;
constexpr u32 kPiecesOfQueue = 48;
constexpr std::byte kPoison{0xEE};

/// A file of random bytes, and an extent of it that requests may name.
struct RandomVolume {
  explicit RandomVolume(u32 number) : bytes((1u << 20) + number * 1111), base(number * 4096), file(0), volume(Fill()) {}

  Volume Fill() {
    std::mt19937 random(base + 1);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    const int fd = open(file.path().c_str(), O_WRONLY);
    EXPECT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    fsync(fd);
    close(fd);
    return file.Open();
  }
  u64 length() const { return bytes.size() - base; }

  std::vector<std::byte> bytes;
  u64 base;
  TempFile file;
  Volume volume;
  u32 handle = 0;
};

struct Asked {
  layout::IoRequest request = {};
  IoCause cause = IoCause::kNone;  // that it has to end with
  u32 volume = 0;
  u32 piece = 0;
};

class RandomRequests {
 public:
  RandomRequests(IoRig& rig, std::deque<RandomVolume>& volumes, u32 alignment, u32 queue, u32 seed)
      : rig_(rig), volumes_(volumes), alignment_(alignment), requester_(rig.requesters[queue]), random_(seed) {
    for (u32 i = 0; i < kPiecesOfQueue; ++i) free_pieces_.push_back(queue * kPiecesOfQueue + i);
  }

  void Run(u32 count) {
    absl::Time deadline = absl::Now() + kLong;
    for (u32 ended = 0; ended < count;) {
      while (posted_ < count && requester_.HasRoom() && !free_pieces_.empty()) Post();
      const auto end = requester_.TryTake();
      if (!end.has_value()) {
        ASSERT_LT(absl::Now(), deadline) << "a request is lost";
        std::this_thread::yield();
        continue;
      }
      deadline = absl::Now() + kLong;
      ++ended;
      Check(*end);
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_EQ(requester_.in_flight(), 0u);
    EXPECT_EQ(requester_.bad_statuses(), 0u);
  }

 private:
  u32 Draw(u64 below) { return static_cast<u32>(random_() % below); }

  Asked MakeGood() {
    Asked asked;
    asked.volume = Draw(kVolumes);
    const RandomVolume& volume = volumes_[asked.volume];
    const u64 offset = u64{Draw(volume.length() / alignment_)} * alignment_;
    const u32 most = static_cast<u32>(std::min<u64>(kPiece, volume.length() - offset));
    asked.request = IoRig::Read(volume.handle, 0, offset, 1 + Draw(most));
    return asked;
  }

  void Spoil(Asked& asked, u32 destination) {
    asked.request.destination_handle = destination;
    const auto spoil = [&](IoCause cause, u32& word, u32 value) {
      asked.cause = cause;
      word = value;
    };
    switch (Draw(7)) {
      case 0: return spoil(IoCause::kBadOperation, asked.request.op_type, 4 + Draw(1000));
      case 1: return spoil(IoCause::kBadSource, asked.request.source_handle, asked.request.source_handle + (1 << 16));
      case 2: return spoil(IoCause::kBadDestination, asked.request.destination_handle, destination + (7 << 16));
      case 3: return spoil(IoCause::kEmpty, asked.request.byte_count, 0);
      case 4:
        asked.request.offset_bytes = volumes_[asked.volume].length() + Draw(1 << 20);
        return spoil(IoCause::kOutOfRange, asked.request.byte_count, 1);
      case 5:
        asked.request.offset_bytes = 0;
        return spoil(IoCause::kOutOfRange, asked.request.byte_count, kPiece + 1 + Draw(1000));
      default: return spoil(IoCause::kDenied, asked.request.op_type, layout::kIoWrite);
    }
  }

  void Post() {
    Asked asked = MakeGood();
    asked.piece = free_pieces_.back();
    free_pieces_.pop_back();
    const u32 destination = rig_.destinations[asked.piece];
    asked.request.destination_handle = destination;
    const u32 kind = Draw(100);
    if (kind < 10) Spoil(asked, destination);
    if (kind == 99) asked.request = fakes::kFence;
    asked.request.tag = ++posted_;
    const absl::Span<std::byte> memory = rig_.pool.buffer(asked.piece);
    std::memset(memory.data(), static_cast<int>(kPoison), memory.size());
    const u32 slot = requester_.Post(asked.request);
    asked_[slot] = asked;
    if (kind == 99) fences_earlier_[slot] = requester_.in_flight() & ~(u64{1} << slot);
  }

  void Check(const fakes::FakeRequester::Ended& end) {
    const Asked& asked = asked_[end.slot];
    ASSERT_EQ(end.tag, asked.request.tag);
    ASSERT_EQ(end.end.cause, static_cast<u32>(asked.cause)) << layout::IoCauseText(static_cast<IoCause>(end.end.cause));
    if (asked.request.op_type == layout::kIoFence) {
      CheckFence(end.slot);
    } else {
      CheckBytes(asked, end.end.bytes);
    }
    free_pieces_.push_back(asked.piece);
  }

  void CheckBytes(const Asked& asked, u32 bytes) {
    const bool good = asked.cause == IoCause::kNone;
    const RandomVolume& volume = volumes_[asked.volume];
    const std::byte* const memory = rig_.pool.buffer(asked.piece).data();
    u64 touched = 0;
    ASSERT_EQ(bytes, good ? asked.request.byte_count : 0);
    if (good) {
      ASSERT_EQ(std::memcmp(memory, &volume.bytes[volume.base + asked.request.offset_bytes], bytes), 0);
      touched = (u64{bytes} + alignment_ - 1) / alignment_ * alignment_;
    }
    static const std::vector<std::byte> poison(kPiece, kPoison);
    ASSERT_EQ(std::memcmp(memory + touched, poison.data(), kPiece - touched), 0) << "bytes behind the " << bytes;
  }

  /// Those before it that have not been taken have all ended.
  void CheckFence(u32 slot) {
    for (u32 other = 0; other < layout::kMaxIoSlots; ++other) {
      if ((fences_earlier_[slot] >> other & 1) == 0 || asked_[other].request.tag > asked_[slot].request.tag) continue;
      const bool is_taken = (requester_.in_flight() >> other & 1) == 0;
      ASSERT_TRUE(is_taken || requester_.HasEnded(other)) << "a fence was early";
    }
  }

  IoRig& rig_;
  std::deque<RandomVolume>& volumes_;
  const u32 alignment_;
  fakes::FakeRequester& requester_;
  std::mt19937_64 random_;
  std::vector<u32> free_pieces_;
  std::array<Asked, layout::kMaxIoSlots> asked_ = {};
  std::array<u64, layout::kMaxIoSlots> fences_earlier_ = {};
  u32 posted_ = 0;
};

class IoRandom : public testing::TestWithParam<ReadPath> {};
INSTANTIATE_TEST_SUITE_P(Paths, IoRandom, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path_info) { return std::string(ReadPathName(path_info.param)); });

TEST_P(IoRandom, RequestsEndAsTheyMustWithEveryByteRight) {
  if (GetParam() == ReadPath::kRead && !PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  const u32 seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::printf("seed %u\n", seed);
  std::deque<RandomVolume> volumes;
  for (u32 i = 0; i < kVolumes; ++i) volumes.emplace_back(i);
  IoRig rig({.service = {.threads = 2, .depth = 64, .path = GetParam()}, .queues = kQueues, .pieces = kQueues * kPiecesOfQueue});
  for (RandomVolume& volume : volumes) {
    const auto handle = rig.service->RegisterSource(volume.volume, {.base_bytes = volume.base});
    ASSERT_TRUE(handle.ok()) << handle.status();
    volume.handle = *handle;
  }
  const u32 alignment = std::max(1u, volumes[0].volume.support(GetParam()).offset_alignment_bytes);
  rig.Start();
  std::vector<std::thread> threads;
  for (u32 q = 0; q < kQueues; ++q) {
    threads.emplace_back([&, q] { RandomRequests(rig, volumes, alignment, q, seed + q).Run(PENSTOCK_IO_REQUESTS / kQueues); });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(rig.service->Stop(kLong).ok());
  const IoServiceCounts counts = rig.service->counts();
  EXPECT_EQ(counts.requests, PENSTOCK_IO_REQUESTS / kQueues * kQueues);
  EXPECT_EQ(counts.protocol_errors, 0u);
}

}  // namespace
}  // namespace penstock
