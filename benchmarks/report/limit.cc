// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/limit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/report/figures.h"

namespace penstock::report {
namespace {

using bench::Stage;

constexpr double kRateIsHeld = 0.97;        // of the rate that was asked for
constexpr double kProcessorIsFull = 0.9;    // of the threads' time
constexpr double kStageDominates = 0.5;     // of the time of a read
constexpr double kDeeperBringsMore = 1.15;  // times the reads

/// The same question at the nearest depth on one side; null if it was not measured.
const Point* Neighbour(const Point& point, absl::Span<const Point> points, bool deeper) {
  const Point* nearest = nullptr;
  for (const Point& other : points) {
    const bool same = other.result == point.result && other.workload == point.workload && other.way == point.way &&
                      other.job.min_block_bytes == point.job.min_block_bytes &&
                      other.job.max_block_bytes == point.job.max_block_bytes && !other.runs.empty();
    const bool on_side = deeper ? other.job.iodepth > point.job.iodepth : other.job.iodepth < point.job.iodepth;
    if (!same || !on_side) continue;
    const bool nearer =
        nearest == nullptr || (deeper ? other.job.iodepth < nearest->job.iodepth : other.job.iodepth > nearest->job.iodepth);
    if (nearer) nearest = &other;
  }
  return nearest;
}

std::optional<Limit> RateLimit(const Point& point) {
  const double jobs = static_cast<double>(point.job.numjobs);
  if (point.job.rate_reads > 0 && point.iops() >= kRateIsHeld * point.job.rate_reads * jobs) {
    return Limit{LimitKind::kRate, absl::StrCat(FormatCount(point.job.rate_reads * jobs), " reads/s were asked for, and ",
                                                FormatCount(point.iops()), " were made")};
  }
  if (point.job.rate_bytes > 0 && point.bytes_per_second() >= kRateIsHeld * point.job.rate_bytes * jobs) {
    return Limit{LimitKind::kRate, absl::StrCat(FormatBandwidth(point.job.rate_bytes * jobs), " were asked for, and ",
                                                FormatBandwidth(point.bytes_per_second()), " came")};
  }
  return std::nullopt;
}

/// Threads that poll are busy whatever they have to do, so that their CPU time tells nothing.
std::optional<Limit> ProcessorLimit(const Point& point) {
  if (point.job.poll_device || point.job.kernel_thread) return std::nullopt;
  const double on_host = point.result->processors();
  double threads = static_cast<double>(point.job.numjobs);
  // A kernel on the CPU has threads of its own, as many as the host has processors.
  if (point.job.device == "cpu") threads = std::max(threads, on_host);
  if (on_host > 0) threads = std::min(threads, on_host);
  const double busy = point.busy_processors();
  if (busy < kProcessorIsFull * threads) return std::nullopt;
  return Limit{LimitKind::kProcessor,
               absl::StrFormat("%s of CPU time a read x %s reads/s keep %.2f processors busy, of the %g that "
                               "its threads can have",
                               FormatNs(busy * 1e9 / point.iops()), FormatCount(point.iops()), busy, threads)};
}

std::string ShareText(double part, const StageTimes& stages, const char* where) {
  return absl::StrCat(FormatShare(part / stages.sum()), " of a read's ", FormatNs(stages.sum()), " ", where);
}

Limit QueueLimit(const Point& point, const StageTimes& stages) {
  std::string text = ShareText(stages.stage[Stage::kQueued], stages, "passes before it is handed to the kernel");
  if (point.job.rate_reads > 0 || point.job.rate_bytes > 0) {
    absl::StrAppend(&text, ": the rate is more than depth ", point.job.iodepth, " carries");
  } else if (point.job.batch_submit > 1) {
    absl::StrAppend(&text, ": ", point.job.batch_submit, " are gathered (batch_submit)");
  }
  return {LimitKind::kQueue, text};
}

Limit DeviceLimit(const Point& point, const StageTimes& stages, absl::Span<const Point> points) {
  std::string text = ShareText(stages.stage[Stage::kDevice], stages, "is spent at the device");
  if (const Point* const deeper = Neighbour(point, points, true)) {
    const double gain = deeper->iops() / point.iops();
    const bool more = gain >= kDeeperBringsMore;
    absl::StrAppendFormat(&text, ", and depth %d brings %.2f times the reads", deeper->job.iodepth, gain);
    return {more ? LimitKind::kDepth : LimitKind::kDevice, text};
  }
  const Point* const shallower = Neighbour(point, points, false);
  if (shallower == nullptr) return {LimitKind::kDevice, absl::StrCat(text, "; no other depth was measured")};
  const double gain = point.iops() / shallower->iops();
  const bool rises = gain >= kDeeperBringsMore;
  absl::StrAppendFormat(&text, "; it makes %.2f times the reads of depth %d%s", gain, shallower->job.iodepth,
                        rises ? ", and no greater depth was measured" : "");
  return {rises ? LimitKind::kDepth : LimitKind::kDevice, text};
}

const char* LargestOfKernel(const StageTimes& stages) {
  return std::max({std::pair(stages.stage[Stage::kClaimed], "waiting for a workgroup"),
                   std::pair(stages.stage[Stage::kDone], "in the handler"),
                   std::pair(stages.stage[Stage::kReaped], "until the host has seen its end")})
      .second;
}

Limit StageLimit(const Point& point, absl::Span<const Point> points) {
  const StageTimes stages = point.stages();
  const double sum = stages.sum();
  if (sum <= 0) return {LimitKind::kMixed, "no stage was measured"};
  if (stages.stage[Stage::kQueued] > kStageDominates * sum) return QueueLimit(point, stages);
  if (stages.kernel() > kStageDominates * sum) {
    const std::string text = ShareText(stages.kernel(), stages, "is spent in the device's kernel and its ring, most of it ");
    return {LimitKind::kDeviceKernel, absl::StrCat(text, LargestOfKernel(stages))};
  }
  if (stages.stage[Stage::kLanded] > kStageDominates * sum) {
    return {LimitKind::kDeviceKernel, ShareText(stages.stage[Stage::kLanded], stages, "passes until a slot of the ring is free")};
  }
  if (stages.kernel() + stages.stage[Stage::kLanded] > kStageDominates * sum) {
    return {LimitKind::kDeviceKernel,
            ShareText(stages.kernel() + stages.stage[Stage::kLanded], stages, "is spent between landing and the kernel's end")};
  }
  if (stages.stage[Stage::kDevice] > kStageDominates * sum) return DeviceLimit(point, stages, points);
  const std::pair<double, const char*> largest =
      std::max({std::pair<double, const char*>(stages.stage[Stage::kQueued], "is queued"),
                std::pair<double, const char*>(stages.stage[Stage::kDevice], "is at the device"),
                std::pair<double, const char*>(stages.kernel(), "is in the device's kernel")});
  return {LimitKind::kMixed, ShareText(largest.first, stages, absl::StrCat(largest.second, ", and no stage has more").c_str())};
}

}  // namespace

Limit LimitOf(const Point& point, absl::Span<const Point> points) {
  if (const std::optional<Limit> limit = RateLimit(point)) return *limit;
  if (const std::optional<Limit> limit = ProcessorLimit(point)) return *limit;
  return StageLimit(point, points);
}

std::string LimitName(LimitKind kind) {
  switch (kind) {
    case LimitKind::kRate: return "the rate asked for";
    case LimitKind::kProcessor: return "CPU time";
    case LimitKind::kQueue: return "waiting to be submitted";
    case LimitKind::kDeviceKernel: return "the kernel or its ring";
    case LimitKind::kDepth: return "too few in flight";
    case LimitKind::kDevice: return "the volume";
    case LimitKind::kMixed: break;
  }
  return "no single stage";
}

}  // namespace penstock::report
