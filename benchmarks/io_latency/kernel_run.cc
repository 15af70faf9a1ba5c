// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <bit>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmarks/io_latency/runs.h"
#include "benchmarks/io_latency/timed_read.h"
#include "penstock/buffer_pool.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"

namespace penstock::io_latency {
namespace {

// The handler's times are then the host's.
static_assert(device::Group::kTicksPerSecond == 1'000'000'000);

constexpr absl::Duration kPatience = absl::Seconds(60);

absl::StatusOr<std::unique_ptr<Device>> MakeDevice(const Options& options) {
  CpuDeviceOptions device;
  device.workgroups = options.workgroups;
  device.ring.slot_counts = {1, 1, std::bit_ceil(options.depth), 1, 1};
  device.io_queues = (options.depth + layout::kMaxIoSlots - 1) / layout::kMaxIoSlots;
  return MakeCpuDevice<TimedProgram>(device);
}

/// Publishes a slot for each read that is to be in flight, and waits for all of them.
absl::Status ReadAll(Device& device, TimedReadArguments read, absl::Span<const u32> destinations) {
  std::vector<Ticket> tickets;
  for (const u32 destination : destinations) {
    Work work = {.opcode = TimedRead::kOpcode};
    read.io_destination = destination;
    EncodeTimedRead(read, work.argument.data());
    PENSTOCK_ASSIGN_OR_RETURN(const Ticket ticket, device.ring().Publish(work));
    tickets.push_back(ticket);
  }
  u64 rows = 0;
  for (const Ticket& ticket : tickets) {
    absl::StatusOr<Completion> completion = device.ring().Wait(ticket, kPatience);
    PENSTOCK_RETURN_IF_ERROR(completion.status());
    PENSTOCK_RETURN_IF_ERROR(completion->ToStatus("a slot that reads"));
    rows += completion->result;
  }
  if (rows == read.row_count) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInternal, What(absl::StrCat(rows, " of ", read.row_count, " reads were made")),
                   Fix("report this"));
}

absl::StatusOr<KernelRun> Collect(absl::Span<const TimedRow> rows, absl::Span<const IoRequestTimes> times) {
  KernelRun run;
  u64 first_ns = ~u64{0};
  u64 last_ns = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::optional<LatencySplit> split = SplitOf({rows[i].requested_ticks, times[i], rows[i].resumed_ticks});
    if (!split.has_value()) {
      return MakeError(absl::StatusCode::kInternal, What(absl::StrCat("the times of read ", i, " are in no order")),
                       Fix("report this, with the machine's clock source"));
    }
    run.splits.push_back(*split);
    first_ns = std::min(first_ns, rows[i].requested_ticks);
    last_ns = std::max(last_ns, rows[i].resumed_ticks);
  }
  run.seconds = static_cast<double>(last_ns - first_ns) * 1e-9;
  return run;
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> RandomOffsets(const Options& options, const Volume& volume) {
  const uint64_t places = volume.size_bytes() / options.read_bytes;
  if (places == 0) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat(options.volume, " is shorter than one read of ", options.read_bytes, " bytes")),
                     Fix("name a larger volume, or use a smaller --size"));
  }
  std::mt19937_64 random(options.seed);
  std::vector<uint64_t> offsets(options.requests);
  for (uint64_t& offset : offsets) offset = random() % places * options.read_bytes;
  return offsets;
}

absl::StatusOr<KernelRun> RunKernel(const Options& options, const Volume& volume, absl::Span<const uint64_t> offsets) {
  PENSTOCK_ASSIGN_OR_RETURN(const BufferPool pool, BufferPool::Create({options.read_bytes, options.depth}));
  std::vector<TimedRow> rows(offsets.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i].offset_bytes = offsets[i];
  std::vector<IoRequestTimes> times(offsets.size());
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device, MakeDevice(options));
  TimedReadArguments read = {};
  read.row_count = static_cast<u32>(rows.size());
  read.read_bytes = options.read_bytes;
  const absl::Span<std::byte> list = {reinterpret_cast<std::byte*>(rows.data()), rows.size() * sizeof(TimedRow)};
  PENSTOCK_ASSIGN_OR_RETURN(read.list_handle, device->RegisterBuffer(list, layout::kBufferRead | layout::kBufferWrite));
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::unique_ptr<IoService> service,
      IoService::Create(device->io_queues(),
                        {.depth = options.depth, .path = options.path, .request_times = absl::MakeSpan(times)}));
  PENSTOCK_ASSIGN_OR_RETURN(read.io_source, service->RegisterSource(volume, {}));
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<u32> destinations,
                            service->RegisterDestinations(pool, {.length_bytes = options.read_bytes, .count = options.depth}));
  PENSTOCK_RETURN_IF_ERROR(service->Start());
  PENSTOCK_RETURN_IF_ERROR(device->Start());
  const absl::Status done = ReadAll(*device, read, destinations);
  const absl::Status stopped = device->Stop(kPatience);
  const absl::Status drained = service->Stop(kPatience);
  for (const absl::Status& status : {done, stopped, drained}) PENSTOCK_RETURN_IF_ERROR(status);
  return Collect(rows, times);
}

}  // namespace penstock::io_latency
