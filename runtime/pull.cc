// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/pull.h"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/io_service.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/pull_list.h"
#include "runtime/base/abandoned.h"
#include "runtime/ingest_setup.h"
#include "runtime/pull_sources.h"

namespace penstock {
namespace {

constexpr absl::Duration kStopTimeout = absl::Seconds(10);
constexpr absl::Duration kLook = absl::Milliseconds(1);  // between looks at `cancel`, the device and the progress
constexpr uint64_t kProgressNs = 100'000'000;
constexpr u32 kCursorWord = 0;

/// Pool memory for a list of extents, which the kernel reads across the bus and writes its results to.
absl::StatusOr<BufferPool> MakeList(const std::vector<layout::PullExtent>& extents) {
  const size_t bytes = std::max<size_t>(1, extents.size()) * sizeof(layout::PullExtent);
  const size_t buffer_bytes = (bytes + BufferPool::kAlignment - 1) / BufferPool::kAlignment * BufferPool::kAlignment;
  PENSTOCK_ASSIGN_OR_RETURN(BufferPool pool, BufferPool::Create({buffer_bytes, 1}));
  std::copy(extents.begin(), extents.end(), reinterpret_cast<layout::PullExtent*>(pool.memory().data()));
  return pool;
}

/// What the kernel is to make of a chunk. Errors: InvalidArgument for what it makes with the host's help only.
absl::StatusOr<bool> WantsCrc32c(const Operation& operation) {
  const u32 opcode = operation.MakeWork({}).opcode;
  if (opcode == layout::kCrc32c || opcode == layout::kNop) return opcode == layout::kCrc32c;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat("operation ", std::string(operation.name()), " on bytes that the kernel pulls by itself")),
                   Fix("use crc32c or none, or let the host push the bytes (Ingest)"));
}

/// The slots that pull, from the first to the last.
class PullSlots {
 public:
  PullSlots(Device& device, const IngestOptions& options, u64 chunk_count)
      : device_(device), options_(options), chunk_count_(chunk_count) {}

  /// Errors: those of LiveRing::Publish, with nothing to wait for but what was published.
  absl::Status Publish(layout::PullArguments pull, absl::Span<const u32> destinations) {
    Work reset = {.opcode = layout::kStoreU32};
    reset.argument[0] = kCursorWord;
    PENSTOCK_ASSIGN_OR_RETURN(const Ticket ticket, device_.ring().Publish(reset));
    PENSTOCK_RETURN_IF_ERROR(device_.ring().Wait(ticket, options_.slot_timeout).status());
    for (size_t i = 0; i < destinations.size() && device_.ring().free_slots(layout::Priority::kNormal) > 0; ++i) {
      pull.io_destination = destinations[i];
      pull.buffer_offset_bytes = i * options_.chunk_bytes;
      Work work = {.opcode = layout::kPull};
      layout::EncodePull(pull, work.argument.data());
      PENSTOCK_ASSIGN_OR_RETURN(const Ticket published, device_.ring().Publish(work));
      tickets_.push_back(published);
    }
    return absl::OkStatus();
  }

  /// Until every slot has ended. `stop`: called once, when the user cancels; what the kernel asks for then ends at once.
  /// Errors: Cancelled; a slot's fault; those of Device::Check; DeadlineExceeded when nothing has come for slot_timeout.
  absl::Status Wait(absl::FunctionRef<void()> stop) {
    absl::Status first_error;
    uint64_t progress_ns = MonotonicNs();
    for (size_t next = 0; next < tickets_.size();) {
      absl::StatusOr<Completion> completion = Completion{};
      const bool is_late = absl::Nanoseconds(MonotonicNs() - progress_ns) > options_.slot_timeout;
      if (is_late) completion = device_.ring().Wait(tickets_[next], absl::ZeroDuration());
      if (!completion.ok()) return Annotate(completion.status(), "no bytes have come");
      if (is_late || device_.ring().TryReap(tickets_[next], *completion)) {
        ++next;
        progress_ns = MonotonicNs();
        if (first_error.ok()) first_error = completion->ToStatus("pulling the sources' bytes");
        continue;
      }
      absl::SleepFor(kLook);  // LiveRing::Wait would spin, on a processor that the kernel and the service may need
      PENSTOCK_RETURN_IF_ERROR(device_.Check());
      if (ReportProgress()) progress_ns = MonotonicNs();
      const bool is_cancelled = options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed);
      if (!is_cancelled || absl::IsCancelled(first_error)) continue;
      first_error = MakeError(absl::StatusCode::kCancelled, What("the run was cancelled"), Fix("start it again"));
      stop();
    }
    return first_error;
  }

 private:
  /// True if the kernel has taken extents since. It tells now and then only.
  bool ReportProgress() {
    const u64 taken = std::min<u64>(device_.control_word(layout::kControlUserWords + kCursorWord), chunk_count_);
    const bool any = std::exchange(taken_, taken) != taken;
    if (options_.progress && MonotonicNs() >= next_progress_ns_) {
      next_progress_ns_ = MonotonicNs() + kProgressNs;
      options_.progress((taken - std::min<u64>(taken, tickets_.size())) * options_.chunk_bytes);
    }
    return any;
  }

  Device& device_;
  const IngestOptions& options_;
  const u64 chunk_count_;
  std::vector<Ticket> tickets_;
  u64 taken_ = 0;
  uint64_t next_progress_ns_ = 0;
};

/// The sources are open all at once, and registered. Errors: ResourceExhausted.
absl::Status CheckRoomFor(size_t source_count) {
  constexpr uint64_t kOfASource = 2;  // descriptors of a file: around the page cache, and through it
  constexpr uint64_t kOfTheRest = 64;
  if (source_count > layout::kMaxBuffers) {
    return MakeError(
        absl::StatusCode::kResourceExhausted, What(absl::StrCat(source_count, " sources for the kernel to pull from")),
        Fix(absl::StrCat("pull from at most ", layout::kMaxBuffers, " at once, or let the host push the bytes (Ingest)")));
  }
  rlimit limit = {};
  const uint64_t wanted = kOfASource * source_count + kOfTheRest;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted,
                   What(absl::StrCat(source_count, " sources that the kernel is to pull from are open all at once, which takes ",
                                     wanted, " descriptors, and this process may have ", limit.rlim_cur)),
                   Fix(absl::StrCat("raise the limit (ulimit -n ", wanted, "), or let the host push the bytes (Ingest)")));
}

absl::StatusOr<std::unique_ptr<IoService>> MakeService(Device& device, size_t source_count, const IngestOptions& options) {
  if (device.io_queues().empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What("the device has no I/O queues for the kernel to ask by"),
                     Fix("set DeviceOptions::io_queues when the device is made"));
  }
  const size_t rows = std::clamp<size_t>(source_count, 1, layout::kMaxBuffers);
  return IoService::Create(device.io_queues(), {.depth = options.depth,
                                                .path = options.path,
                                                .poll_device = options.poll_device,
                                                .kernel_thread = options.kernel_thread,
                                                .read_timeout = options.read_timeout,
                                                .make_probe_pool = options.make_pool,
                                                .flush = [&device] { device.FlushPeerWrites(); },
                                                .max_sources = static_cast<uint32_t>(rows)});
}

void TakeCounts(const IoServiceCounts& counts, IngestReport& report) {
  for (const ReadPath path : kReadPaths) {
    const IoServiceCounts::Path& by_path = counts.paths[static_cast<size_t>(path)];
    if (by_path.requests == 0) continue;
    PathReport& row = report.paths.emplace_back(PathReport{.path = path, .bytes = by_path.bytes});
    row.reads = {by_path.requests, by_path.requests - by_path.failed, by_path.failed, by_path.resubmitted};
    row.commands = by_path.commands;
    row.bounce_bytes = by_path.bounce_bytes;
    report.reads += row.reads;
    report.bounce_bytes += row.bounce_bytes;
  }
  report.service = counts;
}

}  // namespace

absl::StatusOr<IngestReport> Pull(Device& device, absl::Span<const std::string> sources, const Operation& operation,
                                  const IngestOptions& options) {
  PENSTOCK_RETURN_IF_ERROR(CheckIngestOptions(options));
  PENSTOCK_ASSIGN_OR_RETURN(const bool wants_crc32c, WantsCrc32c(operation));
  PENSTOCK_RETURN_IF_ERROR(CheckRoomFor(sources.size()));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<IoService> service, MakeService(device, sources.size(), options));
  // As of the pump: one buffer for a read in flight, one for the chunk that the kernel has. So the service has the next request
  // at hand when a read ends, whatever the kernel is doing.
  PENSTOCK_ASSIGN_OR_RETURN(BufferPool created, options.make_pool({options.chunk_bytes, 2 * options.depth}));
  const auto pool = std::make_shared<BufferPool>(std::move(created));
  PENSTOCK_ASSIGN_OR_RETURN(  // before the sources: a path that cannot take this memory is not chosen for them
      const std::vector<u32> destinations,
      service->RegisterDestinations(*pool, {.length_bytes = options.chunk_bytes, .count = pool->buffer_count()}));
  const auto opened = std::make_shared<PullSources>(sources, options, *service, pool->is_device_memory());
  PENSTOCK_ASSIGN_OR_RETURN(BufferPool list_pool, MakeList(opened->extents()));
  const auto list = std::make_shared<BufferPool>(std::move(list_pool));
  layout::PullArguments pull = {};
  pull.list_bytes = static_cast<u32>(opened->extents().size() * sizeof(layout::PullExtent));
  pull.cursor_word = kCursorWord;
  pull.wants_crc32c = wants_crc32c ? 1 : 0;
  PENSTOCK_ASSIGN_OR_RETURN(pull.list_handle, RegisterPool(device, *list, layout::kBufferRead | layout::kBufferWrite));
  PENSTOCK_ASSIGN_OR_RETURN(pull.buffer_handle, RegisterPool(device, *pool, layout::kBufferRead));
  device.Keep(list);
  device.Keep(pool);
  PENSTOCK_RETURN_IF_ERROR(device.Start());
  if (const absl::Status started = service->Start(); !started.ok()) {
    device.Stop(kStopTimeout).IgnoreError();
    return started;
  }

  IngestReport report;
  report.pages = NameOfPages(pool->pages());
  const uint64_t start_ns = MonotonicNs();
  PullSlots slots(device, options, opened->extents().size());
  report.status = slots.Publish(pull, destinations);
  const absl::Status waited = slots.Wait([&] { service->Stop(kStopTimeout).IgnoreError(); });
  if (report.status.ok()) report.status = waited;
  report.seconds = static_cast<double>(MonotonicNs() - start_ns) * 1e-9;
  const absl::Status stopped = device.Stop(kStopTimeout);
  const absl::Status drained = service->Stop(kStopTimeout);
  const auto* const rows = reinterpret_cast<const layout::PullExtent*>(list->memory().data());
  opened->Report(operation, {rows, opened->extents().size()}, report);
  TakeCounts(service->counts(), report);
  for (const absl::Status& status : {stopped, drained}) {
    if (report.status.ok()) report.status = status;
  }
  if (!drained.ok()) {  // a read may still write to it
    Abandon(opened);
    Abandon(pool);
  }
  return report;
}

}  // namespace penstock
