// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/window_check.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "driver/read_once.h"
#include "driver/rounding.h"
#include "penstock/buffer_pool.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"

namespace penstock {
namespace driver {
namespace {

constexpr std::byte kCanary{0xC5};
constexpr char kReportIt[] = "do not use this window; report the GPU, its driver, the kernel and this report";

/// One place, and what should come there.
struct Attempt {
  PlaceCheck check;
  std::vector<std::byte> expected;

  absl::Span<std::byte> In(absl::Span<std::byte> window) const {
    return window.subspan(check.place.offset_bytes, expected.size());
  }
};

/// The pages before and after a place, as far as the window has them.
std::vector<absl::Span<std::byte>> Neighbours(absl::Span<std::byte> window, const Attempt& attempt) {
  const uint64_t begin = attempt.check.place.offset_bytes;
  const uint64_t end = begin + attempt.expected.size();
  const uint64_t before = std::min<uint64_t>(begin, kPageBytes);
  return {window.subspan(begin - before, before), window.subspan(end, kPageBytes)};
}

absl::StatusOr<Attempt> Prepare(const WindowCheckParts& parts, const WindowPlace& place, uint64_t volume_offset_bytes) {
  const uint64_t volume_bytes = RoundDown(parts.volume->size_bytes(), kPageBytes);
  if (volume_bytes == 0) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        What(absl::StrCat(parts.volume->name(), " has ", parts.volume->size_bytes(), " bytes, too few to check a window with")),
        Fix("name a larger volume (--volume)"));
  }
  Attempt attempt;
  attempt.check.place = place;
  attempt.check.place.length_bytes = static_cast<uint32_t>(std::min<uint64_t>(place.length_bytes, volume_bytes));
  // Other bytes for each place, as far as the volume has them: what lands in the wrong one is seen.
  attempt.check.volume_offset_bytes =
      volume_offset_bytes + attempt.check.place.length_bytes <= volume_bytes ? volume_offset_bytes : 0;
  PENSTOCK_ASSIGN_OR_RETURN(const ChunkResult result, ReadOnce(*parts.plain,
                                                               {.volume = parts.volume,
                                                                .offset_bytes = attempt.check.volume_offset_bytes,
                                                                .length_bytes = attempt.check.place.length_bytes,
                                                                .destination = parts.plain_memory},
                                                               parts.read_timeout));
  if (result.bytes < attempt.check.place.length_bytes) {
    return MakeError(absl::StatusCode::kUnavailable, What(absl::StrCat(parts.volume->name(), " became shorter meanwhile")),
                     Fix("name a volume that nobody changes (--volume)"));
  }
  attempt.expected.assign(parts.plain_memory.begin(), parts.plain_memory.begin() + result.bytes);
  return attempt;
}

/// Poison in the place, which differs from what is expected in every byte, and canaries around it.
absl::Status Poison(absl::Span<std::byte> window, const Attempt& attempt) {
  std::vector<std::byte> poison(attempt.expected.size());
  std::transform(attempt.expected.begin(), attempt.expected.end(), poison.begin(), [](std::byte byte) { return ~byte; });
  const absl::Span<std::byte> place = attempt.In(window);
  for (const absl::Span<std::byte> neighbour : Neighbours(window, attempt))
    std::fill(neighbour.begin(), neighbour.end(), kCanary);
  std::memcpy(place.data(), poison.data(), poison.size());
  PushWrites(place);
  if (std::memcmp(place.data(), poison.data(), poison.size()) == 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDataLoss, What("what the CPU writes to the window cannot be read back from it"),
                   Fix(kReportIt));
}

absl::Status CompareByCpu(absl::Span<std::byte> window, Attempt& attempt) {
  // By one copy first: a BAR is read slowly.
  const absl::Span<const std::byte> place = attempt.In(window);
  const std::vector<std::byte> seen(place.begin(), place.end());
  const auto differs = std::mismatch(seen.begin(), seen.end(), attempt.expected.begin());
  if (differs.first == seen.end()) return absl::OkStatus();
  PlaceCheck& check = attempt.check;
  check.first_difference = static_cast<uint64_t>(differs.first - seen.begin());
  for (size_t i = 0; i < seen.size(); ++i) check.untouched_bytes += seen[i] == ~attempt.expected[i] ? 1 : 0;
  return MakeError(absl::StatusCode::kDataLoss,
                   What(absl::StrCat("the CPU sees wrong bytes, the first ", *check.first_difference, " bytes into the place; ",
                                     check.untouched_bytes, " of ", seen.size(), " were not written at all")),
                   Fix(kReportIt));
}

absl::Status CompareNeighbours(absl::Span<std::byte> window, Attempt& attempt) {
  bool intact = true;
  for (const absl::Span<std::byte> neighbour : Neighbours(window, attempt)) {
    intact &= std::all_of(neighbour.begin(), neighbour.end(), [](std::byte byte) { return byte == kCanary; });
  }
  attempt.check.are_neighbours_intact = intact;
  if (intact) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDataLoss, What("the read has written beside its place"), Fix(kReportIt));
}

absl::Status CompareByDevice(const DeviceComparison& compare, Attempt& attempt) {
  if (compare == nullptr) return absl::OkStatus();
  PENSTOCK_ASSIGN_OR_RETURN(attempt.check.is_right_on_device, compare(attempt.check.place.offset_bytes, attempt.expected));
  if (*attempt.check.is_right_on_device) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDataLoss, What("the device sees other bytes than were read"), Fix(kReportIt));
}

/// Goes on to the end whatever is found: a report tells everything.
absl::Status Try(const WindowCheckParts& parts, Attempt& attempt) {
  PENSTOCK_RETURN_IF_ERROR(Poison(parts.window, attempt));
  PENSTOCK_RETURN_IF_ERROR(ReadOnce(*parts.queue,
                                    {.volume = parts.volume,
                                     .offset_bytes = attempt.check.volume_offset_bytes,
                                     .length_bytes = static_cast<uint32_t>(attempt.expected.size()),
                                     .destination = attempt.In(parts.window)},
                                    parts.read_timeout)
                               .status());
  const absl::Status results[] = {CompareByCpu(parts.window, attempt), CompareByDevice(parts.compare, attempt),
                                  CompareNeighbours(parts.window, attempt)};
  return *std::find_if(std::begin(results), std::end(results) - 1, [](const absl::Status& status) { return !status.ok(); });
}

}  // namespace

absl::StatusOr<WindowCheck> CheckPlaces(const WindowCheckParts& parts, absl::Span<const WindowPlace> places) {
  std::vector<Attempt> attempts;
  uint64_t volume_offset_bytes = 0;
  for (const WindowPlace& place : places) {
    PENSTOCK_ASSIGN_OR_RETURN(Attempt attempt, Prepare(parts, place, volume_offset_bytes));
    volume_offset_bytes = attempt.check.volume_offset_bytes + attempt.expected.size();
    attempts.push_back(std::move(attempt));
  }
  WindowCheck check;
  check.compared_with = std::string(ReadPathName(parts.plain->path()));
  ControllerCounters counters;  // from here on: the plain reads are not what is to be proved
  counters.Begin(*parts.volume);
  const uint64_t commands_before = parts.queue->command_count();
  for (Attempt& attempt : attempts) {
    attempt.check.status = Try(parts, attempt);
    if (check.status.ok()) {
      check.status =
          Annotate(attempt.check.status, absl::StrCat("at offset ", attempt.check.place.offset_bytes, " of the window"));
    }
    check.places.push_back(attempt.check);
    // Where a read may still be under way, nothing more is to be tried.
    if (attempt.check.status.code() == absl::StatusCode::kDeadlineExceeded) break;
  }
  check.commands = parts.queue->command_count() - commands_before;
  check.controllers = counters.Read();
  if (check.status.ok()) check.status = CompareCounts(check.commands, check.controllers);
  return check;
}

absl::Status CompareCounts(uint64_t commands, absl::Span<const ControllerCounts> controllers) {
  for (const ControllerCounts& counts : controllers) {
    if (!counts.status.ok() || counts.read_commands >= commands) continue;
    return MakeError(absl::StatusCode::kDataLoss,
                     What(absl::StrCat("controller ", counts.controller.name, " counted ", counts.read_commands,
                                       " read commands, and ", commands, " were sent to it")),
                     Fix("report the drive and its firmware with this report"));
  }
  return absl::OkStatus();
}

}  // namespace driver

namespace {

constexpr size_t kMostBorders = 7;

/// The first of the paths into host memory that works.
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenPlain(const Volume& volume, const BufferPool& pool) {
  absl::Status first;
  for (const ReadPath path : {ReadPath::kRead, ReadPath::kNvme, ReadPath::kPread}) {
    if (!volume.Supports(path)) continue;
    absl::StatusOr<std::unique_ptr<ReadQueue>> queue = OpenReadQueue(path, pool, {.depth = 1});
    if (queue.ok()) return queue;
    if (first.ok()) first = queue.status();
  }
  if (!first.ok()) return first;
  const Refusal& refusal = volume.support(ReadPath::kRead).refusal;
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   What(absl::StrCat(volume.name(), " cannot be read into host memory to compare with: ", refusal.cause)),
                   Fix(refusal.remedy));
}

}  // namespace

std::vector<WindowPlace> PlacesToCheck(const PeerWindow& window) {
  const uint64_t bytes = std::min<uint64_t>(kWindowPlaceBytes, driver::RoundDown(window.length_bytes / 2, driver::kPageBytes));
  if (bytes == 0) return {};
  const uint64_t last = window.length_bytes - bytes;
  std::set<uint64_t> offsets = {0, driver::RoundDown(last / 2, driver::kPageBytes), last};
  uint64_t border = 0;
  for (size_t i = 0; i + 1 < window.pieces.size() && i < kMostBorders; ++i) {
    border += window.pieces[i].length_bytes;
    const uint64_t half = driver::RoundDown(bytes / 2, driver::kPageBytes);
    offsets.insert(std::min(last, border - std::min(border, half)));
  }
  std::vector<WindowPlace> places;
  for (const uint64_t offset : offsets) places.push_back({offset, static_cast<uint32_t>(bytes)});
  return places;
}

absl::StatusOr<WindowCheck> CheckWindow(const PeerWindow& window, const DeviceMemory& mapping, const Volume& volume,
                                        const DeviceComparison& compare) {
  PENSTOCK_CHECK(mapping.memory.size() == window.length_bytes);
  const std::vector<WindowPlace> places = PlacesToCheck(window);
  if (places.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("window ", window.number, " has ", window.length_bytes, " bytes, too few to check")),
                     Fix("reserve a larger one"));
  }
  if (!volume.Supports(ReadPath::kBar)) {
    const Refusal& refusal = volume.support(ReadPath::kBar).refusal;
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat("path bar cannot read ", volume.name(), ": ", refusal.cause)), Fix(refusal.remedy));
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      const BufferPool pool,
      BufferPool::CreateIn(mapping, {.buffer_bytes = static_cast<size_t>(window.length_bytes), .buffer_count = 1}));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<ReadQueue> queue, OpenReadQueue(ReadPath::kBar, pool, {.depth = 1}));
  PENSTOCK_ASSIGN_OR_RETURN(const BufferPool host, BufferPool::Create({.buffer_bytes = kWindowPlaceBytes, .buffer_count = 1}));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<ReadQueue> plain, OpenPlain(volume, host));
  return driver::CheckPlaces({.window = mapping.memory,
                              .queue = queue.get(),
                              .plain = plain.get(),
                              .plain_memory = host.buffer(0),
                              .volume = &volume,
                              .compare = compare},
                             places);
}

}  // namespace penstock
