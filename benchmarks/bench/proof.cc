// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/proof.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "driver/rounding.h"
#include "driver/sysfs_file.h"
#include "penstock/buffer_pool.h"

namespace penstock::bench {
namespace {

constexpr uint64_t kSectorBytes = 512;
// Others' reads, which are counted too: of a partition table, of a file's metadata.
constexpr uint64_t kForeignReads = 64;

std::string NameOf(ReadPath path) { return std::string(ReadPathName(path)); }

std::string DeviceBeneath(const Volume& volume) {
  return absl::StrCat("/sys/dev/block/", major(volume.file_system()), ":", minor(volume.file_system()));
}

/// What of `counted` is due to others, at most, beside `own` of this run.
uint64_t Tolerance(uint64_t own) { return own / 100 + kForeignReads; }

void CheckPassthrough(Proof& proof) {
  if (proof.commands < proof.all_reads) {
    proof.contradictions.push_back(
        absl::StrCat("only ", proof.commands, " NVMe commands were made for ", proof.all_reads, " reads"));
  }
  uint64_t executed = 0;
  bool all_known = !proof.controllers.empty();
  for (const ControllerCounts& counts : proof.controllers) {
    executed += counts.read_commands;
    all_known = all_known && counts.status.ok();
    if (counts.block_layer_reads <= Tolerance(proof.all_reads)) continue;
    proof.contradictions.push_back(absl::StrCat("the block layer sent ", counts.block_layer_reads, " reads to ",
                                                counts.controller.name, ", and passthrough sends none"));
  }
  if (!all_known) {
    proof.remarks.emplace_back(
        "the controllers' read counters are not known: they are for root, and tell nothing where several lead to a namespace");
  } else if (executed + Tolerance(proof.commands) < proof.commands) {
    proof.contradictions.push_back(
        absl::StrCat("the controllers executed ", executed, " read commands, and ", proof.commands, " were sent"));
  }
}

void CheckDirect(Proof& proof) {
  uint64_t bytes = 0;
  for (const BlockCounts& counts : proof.blocks) bytes += counts.bytes;
  if (proof.blocks.empty() || bytes >= proof.all_bytes - proof.all_bytes / 100) return;
  proof.contradictions.push_back(
      absl::StrCat("the block devices brought ", bytes, " bytes, and ", proof.all_bytes,
                   " were read: they came out of a cache, or are holes or unwritten extents of a file: fill the file first"));
}

}  // namespace

BlockCounts ParseBlockStatistics(const std::string& text) {
  const std::vector<std::string> words = absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  BlockCounts counts;
  uint64_t sectors = 0;
  if (words.size() < 3 || !absl::SimpleAtoi(words[0], &counts.reads) || !absl::SimpleAtoi(words[2], &sectors)) return {};
  counts.bytes = sectors * kSectorBytes;
  return counts;
}

Witness::Witness(absl::Span<const Volume* const> volumes) {
  for (const Volume* const volume : volumes) {
    controllers_.Begin(*volume);
    const std::string device = DeviceBeneath(*volume);
    if (std::find(devices_.begin(), devices_.end(), device) != devices_.end()) continue;
    if (!std::filesystem::exists(absl::StrCat(device, "/stat"))) {
      remarks_.push_back(absl::StrCat("no block device is known to lie beneath ", volume->name(), ": nobody counts its reads"));
      continue;
    }
    devices_.push_back(device);
  }
  begin_ = ReadBlocks();
}

std::vector<BlockCounts> Witness::ReadBlocks() const {
  std::vector<BlockCounts> blocks;
  for (const std::string& device : devices_) {
    BlockCounts counts = ParseBlockStatistics(driver::ReadText(absl::StrCat(device, "/stat")).value_or(""));
    counts.device = std::filesystem::canonical(device).filename();
    blocks.push_back(counts);
  }
  return blocks;
}

void Witness::Testify(Proof& proof) const {
  proof.controllers = controllers_.Read();
  proof.blocks = ReadBlocks();
  for (size_t i = 0; i < proof.blocks.size(); ++i) {
    proof.blocks[i].reads -= std::min(begin_[i].reads, proof.blocks[i].reads);
    proof.blocks[i].bytes -= std::min(begin_[i].bytes, proof.blocks[i].bytes);
  }
  proof.remarks.insert(proof.remarks.end(), remarks_.begin(), remarks_.end());
}

void CheckSamples(ReadPath path, absl::Span<const Sample> samples, absl::Span<const Volume* const> volumes, Proof& proof) {
  uint64_t unread = 0;
  for (const Sample& sample : samples) {
    const Volume& volume = *volumes[sample.volume];
    const ReadPath other = path == ReadPath::kPread && volume.Supports(ReadPath::kRead) ? ReadPath::kRead : ReadPath::kPread;
    const absl::StatusOr<BufferPool> buffer =
        BufferPool::Create({driver::RoundUp(sample.length_bytes, BufferPool::kAlignment), 1});
    auto* const bytes = buffer.ok() ? reinterpret_cast<unsigned char*>(buffer->memory().data()) : nullptr;
    const int fd = volume.support(other).fd;
    const bool is_read = bytes != nullptr && fd >= 0 &&
                         pread(fd, bytes, sample.length_bytes, static_cast<off_t>(sample.offset_bytes)) == sample.length_bytes;
    if (!is_read) {
      ++unread;
    } else if (static_cast<uint32_t>(~crc32_iscsi(bytes, static_cast<int>(sample.length_bytes), ~0u)) != sample.crc32c) {
      proof.contradictions.push_back(absl::StrCat(volume.name(), ": bytes ", sample.offset_bytes, " to ",
                                                  sample.offset_bytes + sample.length_bytes, " differ from what path ",
                                                  NameOf(other), " reads there"));
    } else {
      proof.checked_bytes += sample.length_bytes;
    }
  }
  if (unread > 0) {
    proof.remarks.push_back(absl::StrCat(unread, " of ", samples.size(), " samples could not be read by another path"));
  }
}

void FindContradictions(ReadPath path, Proof& proof) {
  const uint64_t copied = path == ReadPath::kPread ? proof.all_bytes : 0;
  if (proof.bytes_copied_by_cpu != copied) {
    proof.contradictions.push_back(absl::StrCat("the CPU copied ", proof.bytes_copied_by_cpu, " bytes, and path ", NameOf(path),
                                                " copies ", copied == 0 ? "none" : "every byte once"));
  }
  switch (path) {
    case ReadPath::kBar:
    case ReadPath::kNvme: return CheckPassthrough(proof);
    case ReadPath::kRead: return CheckDirect(proof);
    case ReadPath::kPread: return;
  }
}

}  // namespace penstock::bench
