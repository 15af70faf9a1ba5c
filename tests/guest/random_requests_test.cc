// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random requests of the resident kernel, of random sizes, over several volumes and queues, good and bad ones: each ends as it
// must, every byte is checked, and none beside them is touched. PENSTOCK_GUEST_REQUESTS (scripts/guest run --set) says how many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <vector>

#include "penstock/clock.h"
#include "tests/guest/asking_kernel.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using layout::IoCause;
using layout::IoRequest;

constexpr u32 kQueues = 4;
constexpr u32 kPieces = 192;
constexpr u32 kPieceBytes = 16 * 1024;
constexpr std::byte kPoison{0xEE};
constexpr u32 kRequestsUnlessSet = 20'000;

u32 RequestCount() {
  const char* const set = std::getenv("PENSTOCK_GUEST_REQUESTS");
  return set == nullptr ? kRequestsUnlessSet : static_cast<u32>(std::strtoul(set, nullptr, 10));
}

/// A disk, and the extent of it that requests may name.
struct RandomVolume {
  Disk disk;
  uint64_t base_bytes;
  u32 alignment_bytes;  // of offsets; and what is read is filled up to a multiple of it
  u32 handle;

  uint64_t length() const { return disk.bytes - base_bytes; }
};

struct Asked {
  IoRequest request = {};
  IoCause cause = IoCause::kNone;  // that it has to end with
  u32 volume = 0;
  u32 piece = 0;
  Ticket ticket = {};
};

class RandomRun {
 public:
  RandomRun(AskingKernel& kernel, const std::vector<RandomVolume>& volumes, u32 seed)
      : kernel_(kernel), volumes_(volumes), random_(seed), poison_(kPieceBytes, kPoison) {
    for (u32 i = 0; i < kPieces; ++i) free_pieces_.push_back(i);
  }

  void Run(u32 count) {
    uint64_t progress_ns = MonotonicNs();
    for (u32 ended = 0, posted = 0; ended < count && !testing::Test::HasFailure();) {
      for (; posted < count && !free_pieces_.empty() && kernel_.HasRoom(); ++posted) Post();
      const auto still_open = std::remove_if(open_.begin(), open_.end(), [&](const Asked& asked) { return TakeIfEnded(asked); });
      const auto taken = static_cast<u32>(open_.end() - still_open);
      open_.erase(still_open, open_.end());
      ended += taken;
      if (taken > 0) progress_ns = MonotonicNs();
      ASSERT_LT(absl::Nanoseconds(MonotonicNs() - progress_ns), AskingKernel::kPatience) << "a request is lost";
      if (taken == 0) sched_yield();
    }
  }

  uint64_t good() const { return good_; }
  uint64_t good_bytes() const { return good_bytes_; }

 private:
  uint64_t Draw(uint64_t below) { return random_() % below; }

  Asked MakeGood() {
    Asked asked;
    asked.volume = static_cast<u32>(Draw(volumes_.size()));
    const RandomVolume& volume = volumes_[asked.volume];
    const uint64_t offset = Draw(volume.length() / volume.alignment_bytes) * volume.alignment_bytes;
    const auto bytes = static_cast<u32>(1 + Draw(std::min<uint64_t>(kPieceBytes, volume.length() - offset)));
    asked.request = {layout::kIoRead, volume.handle, 0, offset, bytes, 0};
    return asked;
  }

  void Spoil(Asked& asked) {
    IoRequest& request = asked.request;
    const uint64_t length = volumes_[asked.volume].length();
    switch (Draw(8)) {
      case 0:
        asked.cause = IoCause::kBadOperation;
        request.op_type = 4 + static_cast<u32>(Draw(1000));
        break;
      case 1:
        asked.cause = IoCause::kBadSource;
        request.source_handle += 1 << 16;
        break;
      case 2:
        asked.cause = IoCause::kBadDestination;
        request.destination_handle += 7 << 16;
        break;
      case 3:
        asked.cause = IoCause::kEmpty;
        request.byte_count = 0;
        break;
      case 4:
        asked.cause = IoCause::kOutOfRange;
        request.offset_bytes = length + Draw(1 << 20);
        break;
      case 5:
        asked.cause = IoCause::kOutOfRange;
        request.offset_bytes = 0;
        request.byte_count = kPieceBytes + 1 + static_cast<u32>(Draw(1000));
        break;
      case 6:
        asked.cause = IoCause::kMisaligned;
        request.offset_bytes = 1 + Draw(volumes_[asked.volume].alignment_bytes - 1);
        request.byte_count = 1 + static_cast<u32>(Draw(100));
        break;
      default:
        asked.cause = IoCause::kDenied;
        request.op_type = layout::kIoWrite;
        break;
    }
  }

  void Post() {
    Asked asked = MakeGood();
    asked.piece = free_pieces_.back();
    free_pieces_.pop_back();
    asked.request.destination_handle = kernel_.destination(asked.piece);
    const uint64_t kind = Draw(100);
    if (kind < 10) Spoil(asked);
    if (kind == 99) asked.request = {layout::kIoFence, 0, 0, 0, 0, 0};
    const absl::Span<std::byte> memory = kernel_.piece(asked.piece);
    std::memset(memory.data(), static_cast<int>(kPoison), memory.size());
    asked.ticket = kernel_.Publish(asked.request);
    open_.push_back(asked);
  }

  bool TakeIfEnded(const Asked& asked) {
    const std::optional<layout::IoEnd> end = kernel_.TryTake(asked.ticket);
    if (!end.has_value()) return false;
    EXPECT_EQ(CauseOf(*end), asked.cause) << layout::IoCauseText(CauseOf(*end));
    CheckBytes(asked, end->bytes);
    free_pieces_.push_back(asked.piece);
    return true;
  }

  void CheckBytes(const Asked& asked, u32 bytes) {
    const bool is_read = asked.cause == IoCause::kNone && asked.request.op_type == layout::kIoRead;
    const RandomVolume& volume = volumes_[asked.volume];
    const absl::Span<const std::byte> memory = kernel_.piece(asked.piece);
    size_t touched = 0;
    EXPECT_EQ(bytes, is_read ? asked.request.byte_count : 0);
    if (is_read) {
      touched = (size_t{bytes} + volume.alignment_bytes - 1) / volume.alignment_bytes * volume.alignment_bytes;
      const uint64_t at = volume.base_bytes + asked.request.offset_bytes;
      EXPECT_EQ(volume.disk.content.FirstDifference(memory.first(bytes), at), std::nullopt) << volume.disk.serial;
      ++good_;
      good_bytes_ += bytes;
    }
    EXPECT_EQ(std::memcmp(memory.data() + touched, poison_.data(), kPieceBytes - touched), 0) << "bytes behind the " << bytes;
  }

  AskingKernel& kernel_;
  const std::vector<RandomVolume>& volumes_;
  std::mt19937_64 random_;
  const std::vector<std::byte> poison_;
  std::vector<u32> free_pieces_;
  std::vector<Asked> open_;
  uint64_t good_ = 0;
  uint64_t good_bytes_ = 0;
};

class RandomRequests : public testing::TestWithParam<ReadPath> {};

TEST_P(RandomRequests, EndAsTheyMustWithEveryByteRight) {
  const u32 count = RequestCount() / 2;  // this path's half
  const u32 seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  AskingKernel kernel(BufferPool::Create, {.service = {.threads = 2, .depth = 64, .path = GetParam()},
                                           .queues = kQueues,
                                           .piece_bytes = kPieceBytes,
                                           .pieces = kPieces});
  std::vector<RandomVolume> volumes;
  for (const auto& [serial, id] : {std::pair{"PLAIN", 1u}, {"BLOCKS4096", 1u}, {"TWO", 1u}, {"TWO", 2u}}) {
    const Disk disk = DiskOf(serial, id);
    absl::StatusOr<Volume> volume = Volume::Open(disk.char_node);
    ASSERT_EQ(volume.status(), absl::OkStatus());
    const uint64_t base = volumes.size() * 12288;
    const u32 alignment = volume->support(GetParam()).offset_alignment_bytes;
    volumes.push_back({disk, base, alignment, kernel.AddSource(std::move(volume), {.base_bytes = base})});
  }
  kernel.Start();
  const uint64_t begin_ns = MonotonicNs();
  RandomRun run(kernel, volumes, seed);
  run.Run(count);
  const double seconds = absl::ToDoubleSeconds(absl::Nanoseconds(MonotonicNs() - begin_ns));
  kernel.Stop();
  const IoServiceCounts counts = kernel.service().counts();
  EXPECT_EQ(counts.requests, count);
  EXPECT_EQ(counts.protocol_errors, 0u);
  EXPECT_EQ(counts.bytes, run.good_bytes());
  std::cout << "seed " << seed << ": " << count << " requests, " << run.good() << " of them reads of " << run.good_bytes()
            << " bytes, in " << seconds << " s" << std::endl;
}

INSTANTIATE_TEST_SUITE_P(, RandomRequests, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);

}  // namespace
}  // namespace penstock::guest
