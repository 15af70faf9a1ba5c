// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Paths "nvme" and "bar": passthrough reads and writes. The kernel does not split what is too large for a command, so this queue
// does: a read becomes as many commands as it takes, and completes when the last of them has.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/fixed_fifo.h"
#include "driver/nvme_command.h"
#include "driver/nvme_status.h"
#include "driver/read_queues.h"
#include "driver/registered_pool.h"
#include "driver/uring.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

// Commands in flight at once. More would wait in the block layer (its queues hold 1023 at most) on threads of the kernel's.
constexpr uint32_t kMaxCommands = 1024;
constexpr size_t kBatch = 64;

/// A read and how far its commands have come.
struct Pending {
  RawRead read;
  uint32_t command_bytes = 0;
  uint32_t sent_bytes = 0;
  uint32_t commands = 0;    // in flight
  uint32_t good_bytes = 0;  // before the first failure
  int32_t failure = 0;      // of the failed command with the lowest offset, as the kernel gave it
  bool is_split = false;    // into several commands
  bool in_use = false;

  bool AllSent() const { return sent_bytes == read.length_bytes || failure != 0; }
};

class NvmeReadQueue final : public ReadQueue {
 public:
  NvmeReadQueue(ReadPath path, std::unique_ptr<Uring> uring, std::optional<RegisteredPool> registered,
                const ReadQueueOptions& options)
      : path_(path),
        uring_(std::move(uring)),
        registered_(registered),
        wait_count_(options.wait_count),
        pending_(options.depth),
        unsent_(options.depth),
        finished_(options.depth) {
    for (uint32_t slot = options.depth; slot-- > 0;) free_.push_back(slot);
  }
  ~NvmeReadQueue() override;

  ReadPath path() const override { return path_; }
  uint32_t capacity() const override { return static_cast<uint32_t>(pending_.size()); }
  void Attach(const Volume& volume) override { uring_->RegisterFile(volume.support(path_).fd); }
  void Detach(const Volume& volume) override { uring_->UnregisterFile(volume.support(path_).fd); }
  bool TryQueue(const RawRead& read) override;
  absl::Status Submit() override { return uring_->Submit(); }
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override;
  void Cancel(uint64_t user_data) override;
  uint64_t bounce_bytes() const override { return 0; }
  uint64_t command_count() const override { return command_count_; }
  uint64_t system_call_count() const override { return uring_->enter_count(); }

 private:
  void SendCommands();
  bool SendNext(uint32_t slot);
  size_t region_bytes() const { return registered_.has_value() ? registered_->region_bytes() : SIZE_MAX; }
  NvmeCut CutAt(const Pending& pending, uint32_t begin) const;
  uint32_t FewestToFinish() const;
  void TakeCommand(const UringCompletion& completion);
  void FinishIfDone(uint32_t slot);

  const ReadPath path_;
  std::unique_ptr<Uring> uring_;
  const std::optional<RegisteredPool> registered_;
  const uint32_t wait_count_;
  std::vector<Pending> pending_;
  std::vector<uint32_t> free_;  // places in pending_
  FixedFifo<uint32_t> unsent_;  // reads of which commands are still to be sent, first come first served
  FixedFifo<RawCompletion> finished_;
  uint32_t commands_ = 0;  // in flight, of all reads
  uint32_t split_ = 0;     // reads of several commands
  uint64_t command_count_ = 0;
};

bool NvmeReadQueue::TryQueue(const RawRead& read) {
  if (free_.size() == finished_.size()) return false;  // A read has its place until its completion has been taken.
  PENSTOCK_CHECK(read.volume->nvme() != nullptr && read.length_bytes > 0);
  const uint32_t slot = free_.back();
  free_.pop_back();
  pending_[slot] = {
      .read = read, .command_bytes = CommandBytes(*read.volume->nvme(), read.length_bytes, region_bytes()), .in_use = true};
  pending_[slot].is_split = CutAt(pending_[slot], 0).length_bytes < read.length_bytes;
  split_ += pending_[slot].is_split ? 1 : 0;
  unsent_.Push(slot);
  SendCommands();
  return true;
}

/// As many as there is room for; the rest when commands have completed.
void NvmeReadQueue::SendCommands() {
  while (!unsent_.empty()) {
    const uint32_t slot = unsent_.front();
    while (!pending_[slot].AllSent()) {
      if (commands_ == kMaxCommands || !SendNext(slot)) return;
    }
    unsent_.Pop();
  }
}

/// The command that begins `begin` bytes into the read.
NvmeCut NvmeReadQueue::CutAt(const Pending& pending, uint32_t begin) const {
  const RawRead& read = pending.read;
  const uint32_t most_bytes = std::min(pending.command_bytes, read.length_bytes - begin);
  return CutCommand(*read.volume->nvme(), most_bytes,
                    registered_.has_value() ? registered_->BytesLeft(read.destination + begin) : SIZE_MAX);
}

/// False if the ring has no room.
bool NvmeReadQueue::SendNext(uint32_t slot) {
  io_uring_sqe* const entry = uring_->TryGetEntry();
  if (entry == nullptr) return false;
  Pending& pending = pending_[slot];
  const RawRead& read = pending.read;
  const NvmeCut cut = CutAt(pending, pending.sent_bytes);
  const NvmeExtent extent{read.offset_bytes + pending.sent_bytes, cut.length_bytes};
  std::byte* const destination = read.destination + pending.sent_bytes;
  const int fd = read.volume->support(path_).fd;
  // The kernel takes the memory of a command from one region. It pins what lies in two for this command, as on path bar.
  const bool in_one_region = registered_.has_value() && !cut.crosses_regions;
  PrepareCommand(*entry, fd, MakeCommand(read.direction, *read.volume->nvme(), extent, destination),
                 in_one_region ? std::optional(registered_->IndexOf(destination)) : std::nullopt);
  uring_->UseRegisteredFile(*entry, fd);
  entry->user_data = uint64_t{slot} << 32 | pending.sent_bytes;
  pending.sent_bytes += extent.length_bytes;
  ++pending.commands;
  ++commands_;
  ++command_count_;
  return true;
}

absl::StatusOr<size_t> NvmeReadQueue::Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) {
  const absl::Status entered = uring_->Wait(finished_.empty() ? timeout : absl::ZeroDuration(), FewestToFinish());
  UringCompletion taken[kBatch];
  for (size_t count = kBatch; count == kBatch;) {
    count = uring_->Take(absl::MakeSpan(taken));
    for (size_t i = 0; i < count; ++i) TakeCommand(taken[i]);
  }
  SendCommands();
  size_t stored = 0;
  while (stored < completions.size() && !finished_.empty()) completions[stored++] = finished_.Pop();
  if (stored == 0 && !entered.ok()) return entered;  // Otherwise what has come goes first; a lasting error comes again.
  return stored;
}

/// Waking up for less would find no read finished. While commands are still to be sent, each one that completes makes room.
uint32_t NvmeReadQueue::FewestToFinish() const {
  if (!unsent_.empty()) return 1;
  if (split_ == 0) return std::clamp(wait_count_, 1u, std::max(commands_, 1u));
  uint32_t fewest = kMaxCommands;
  for (const Pending& pending : pending_) {
    if (pending.in_use) fewest = std::min(fewest, pending.commands);
  }
  return fewest == kMaxCommands ? 1 : std::max(fewest, 1u);
}

void NvmeReadQueue::TakeCommand(const UringCompletion& completion) {
  const auto slot = static_cast<uint32_t>(completion.user_data >> 32);
  const auto begin = static_cast<uint32_t>(completion.user_data);
  Pending& pending = pending_[slot];
  PENSTOCK_CHECK(pending.in_use && pending.commands > 0);
  --pending.commands;
  --commands_;
  if (HasFailed(completion.result) && (pending.failure == 0 || begin < pending.good_bytes)) {
    pending.failure = completion.result;
    pending.good_bytes = begin;
  }
  FinishIfDone(slot);
}

/// A read of which a part has failed ends as a short one up to there; the reader asks for the rest, and learns what is wrong with
/// it at its exact place. Only what is wrong with the first byte is this read's own error.
void NvmeReadQueue::FinishIfDone(uint32_t slot) {
  Pending& pending = pending_[slot];
  if (pending.commands > 0 || !pending.AllSent()) return;
  RawCompletion completion{.user_data = pending.read.user_data, .result = pending.read.length_bytes};
  if (pending.failure != 0 && pending.good_bytes > 0) {
    completion.result = pending.good_bytes;
  } else if (pending.failure > 0) {
    completion.result = -EIO;
    completion.nvme_status = static_cast<uint16_t>(pending.failure);
  } else if (pending.failure < 0) {
    completion.result = pending.failure;
  }
  pending.in_use = false;
  split_ -= pending.is_split ? 1 : 0;
  unsent_.Remove([slot](uint32_t other) { return other == slot; });
  free_.push_back(slot);
  finished_.Push(completion);
}

/// What has been sent to the controller cannot be called back: it ends by itself, or when the kernel gives it up
/// (nvme_core.io_timeout). What the kernel still holds back, and what was not sent, ends now.
void NvmeReadQueue::Cancel(uint64_t user_data) {
  for (uint32_t slot = 0; slot < pending_.size(); ++slot) {
    Pending& pending = pending_[slot];
    if (!pending.in_use || pending.read.user_data != user_data) continue;
    for (uint32_t begin = 0; begin < pending.sent_bytes; begin += CutAt(pending, begin).length_bytes)
      uring_->Cancel(uint64_t{slot} << 32 | begin);
    if (pending.failure == 0 && !pending.AllSent()) {
      pending.failure = -ECANCELED;
      pending.good_bytes = pending.sent_bytes;
    }
    FinishIfDone(slot);
    return;
  }
}

NvmeReadQueue::~NvmeReadQueue() {
  for (const Pending& pending : pending_) {
    if (pending.in_use) Cancel(pending.read.user_data);
  }
  TakeWhatIsInFlight(*this, commands_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReadQueue>> OpenNvmeQueue(ReadPath path, const BufferPool& pool, const ReadQueueOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Uring> uring, Uring::Open({.entries = kMaxCommands,
                                                                       .big_entries = true,
                                                                       .poll_device = options.poll_device,
                                                                       .kernel_thread = options.kernel_thread}));
  std::optional<RegisteredPool> registered;
  if (path == ReadPath::kNvme) {
    PENSTOCK_ASSIGN_OR_RETURN(registered, RegisteredPool::RegisterForCommands(*uring, pool));
  }
  return std::make_unique<NvmeReadQueue>(path, std::move(uring), registered, options);
}

}  // namespace penstock::driver
