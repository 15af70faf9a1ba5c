// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/io_service.h"

#include <algorithm>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "penstock/clock.h"
#include "penstock/device/cpu_io_alarm.h"
#include "penstock/error.h"
#include "penstock/layout/atomic.h"
#include "runtime/io_log.h"
#include "runtime/io_routes.h"
#include "runtime/io_rows.h"
#include "runtime/io_server.h"
#include "runtime/io_tables.h"
#include "runtime/io_tally.h"

namespace penstock {
namespace {

using layout::IoServiceState;
using layout::Scope;

constexpr absl::Duration kDestructorStop = absl::Seconds(10);
constexpr size_t kProbeBytes = 64 * 1024;

absl::Status Invalid(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

absl::Status CheckOptions(const LiveIoQueues& queues, const IoServiceOptions& options) {
  if (queues.empty() || queues.alarm == nullptr || queues.queues.size() > layout::kMaxIoQueues ||
      queues.bells.size() < layout::IoBellCount(static_cast<u32>(queues.queues.size()))) {
    return Invalid("the device has no I/O queues to serve", "set DeviceOptions::io_queues when the device is made");
  }
  if (options.threads == 0 || options.threads > queues.queues.size()) {
    return Invalid(absl::StrCat(options.threads, " threads for ", queues.queues.size(), " I/O queues"),
                   "use at least one thread and at most one a queue");
  }
  if (options.depth == 0 || options.depth > IoServiceOptions::kMaxDepth) {
    return Invalid(absl::StrCat("a depth of ", options.depth, " reads"),
                   absl::StrCat("use a depth of 1 to ", IoServiceOptions::kMaxDepth));
  }
  for (const uint32_t rows : {options.max_sources, options.max_destinations}) {
    if (rows == 0 || rows > layout::kMaxBuffers) {
      return Invalid(absl::StrCat("a handle table of ", rows, " rows"), absl::StrCat("use 1 to ", layout::kMaxBuffers));
    }
  }
  return absl::OkStatus();
}

/// Looks every 0.1 ms. True if `done` within `timeout`.
bool WaitUntil(absl::Duration timeout, absl::FunctionRef<bool()> done) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!done()) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(absl::Microseconds(100));
  }
  return true;
}

absl::Status InUseStill(absl::string_view what, absl::Duration timeout) {
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   What(absl::StrCat(what, " is in use still after ", absl::FormatDuration(timeout))),
                   Fix("keep its volume and memory, and call it again"));
}

}  // namespace

struct IoService::State {
  /// What runs is kept until it is drained, also without the service.
  struct Worker {
    Worker(const IoServer::Parts& parts, u32 first, u32 step) : server(parts, first, step) {}

    IoServer server;
    std::thread thread;
  };

  State(const LiveIoQueues& live_queues, IoServiceOptions service_options, bool has_device_memory)
      : queues(live_queues),
        options(std::move(service_options)),
        tables(options.max_sources, options.max_destinations),
        routes(options, has_device_memory, log),
        device_memory(has_device_memory),
        tallies(std::make_unique<IoTally[]>(options.threads)) {}

  /// So that threads that sleep look at what has changed. Once none of them serves, the queues' memory may be gone.
  void Wake() const {
    const std::lock_guard lock(workers_mutex);
    const bool serves = std::any_of(workers.begin(), workers.end(), [](const auto& worker) { return !worker->server.quiet(); });
    if (serves) device::RingIoAlarm(*queues.alarm);
  }
  void SetState(IoServiceState state) const {
    layout::StoreRelease<Scope::kSystem>(&queues.bells[layout::kIoStateBell], static_cast<u64>(state));
  }
  bool All(absl::FunctionRef<bool(const IoServer&)> is_so) const {
    const std::lock_guard lock(workers_mutex);
    return std::all_of(workers.begin(), workers.end(), [&](const auto& worker) { return is_so(worker->server); });
  }
  absl::Status StartWorkers(const std::shared_ptr<State>& self);
  /// Requires: drained.
  void Join();
  /// What paths have to take: while the service runs its own queues have them, and a second one of each could be one too many.
  std::vector<const BufferPool*> PoolsToOpen() const;
  absl::Status Revoked(absl::string_view what, absl::Duration timeout, absl::FunctionRef<std::optional<u64>()> leave) const;

  const LiveIoQueues queues;
  const IoServiceOptions options;
  IoLog log;
  IoTables tables;
  IoRouteChooser routes;
  const bool device_memory;
  const std::unique_ptr<IoTally[]> tallies;  // of each thread, over all its runs
  mutable std::mutex workers_mutex;
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<bool> running{false};
};

/// Each worker finds where its queues begin before the kernel is told that it may ask.
absl::Status IoService::State::StartWorkers(const std::shared_ptr<State>& self) {
  std::vector<std::unique_ptr<Worker>> made;
  for (u32 index = 0; index < options.threads; ++index) {
    made.push_back(
        std::make_unique<Worker>(IoServer::Parts{queues, tables, options, log, tallies[index]}, index, options.threads));
  }
  running.store(true, std::memory_order_relaxed);
  SetState(IoServiceState::kServing);
  for (std::unique_ptr<Worker>& worker : made) {
    const std::lock_guard lock(workers_mutex);
    try {
      worker->thread = std::thread([self, &server = worker->server] { server.Run(); });
    } catch (const std::system_error& error) {
      return MakeErrnoError(
          absl::StatusCode::kResourceExhausted, error.code().value(),
          What(absl::StrCat("cannot start thread ", workers.size() + 1, " of ", options.threads, " of the I/O service")),
          Fix("raise the limit of threads (ulimit -u), or use fewer"));
    }
    workers.push_back(std::move(worker));
  }
  return absl::OkStatus();
}

void IoService::State::Join() {
  std::vector<std::unique_ptr<Worker>> ended;
  {
    const std::lock_guard lock(workers_mutex);
    ended.swap(workers);
  }
  for (const auto& worker : ended) worker->thread.join();
}

std::vector<const BufferPool*> IoService::State::PoolsToOpen() const {
  if (running.load(std::memory_order_relaxed)) return {};
  std::vector<const BufferPool*> pools = tables.roster().pools;
  pools.erase(std::remove(pools.begin(), pools.end(), nullptr), pools.end());
  return pools;
}

/// Waits until nothing of a closed row is in flight, and then until every thread has seen what left the roster with it.
absl::Status IoService::State::Revoked(absl::string_view what, absl::Duration timeout,
                                       absl::FunctionRef<std::optional<u64>()> leave) const {
  std::optional<u64> version;
  const bool revoked = WaitUntil(timeout, [&] {
    if (!version.has_value()) {
      version = leave();
      if (version.has_value()) Wake();
    }
    return version.has_value() && All([&](const IoServer& server) { return server.HasSeen(*version); });
  });
  return revoked ? absl::OkStatus() : InUseStill(what, timeout);
}

absl::StatusOr<std::unique_ptr<IoService>> IoService::Create(const LiveIoQueues& queues, IoServiceOptions options) {
  PENSTOCK_RETURN_IF_ERROR(CheckOptions(queues, options));
  bool has_device_memory = false;
  {
    PENSTOCK_ASSIGN_OR_RETURN(const BufferPool pool, options.make_probe_pool({.buffer_bytes = kProbeBytes, .buffer_count = 1}));
    has_device_memory = pool.is_device_memory();
  }
  return std::unique_ptr<IoService>(new IoService(std::make_shared<State>(queues, std::move(options), has_device_memory)));
}

IoService::~IoService() {
  if (Stop(kDestructorStop).ok()) return;
  // The threads keep the state until they are drained.
  const std::lock_guard lock(state_->workers_mutex);
  for (const auto& worker : state_->workers) worker->thread.detach();
}

absl::StatusOr<u32> IoService::RegisterSource(const Volume& volume, const IoSourceExtent& extent) {
  PENSTOCK_ASSIGN_OR_RETURN(IoSource source, MakeIoSource(volume, extent));
  PENSTOCK_RETURN_IF_ERROR(state_->routes.Choose(state_->PoolsToOpen(), source));
  PENSTOCK_ASSIGN_OR_RETURN(const u32 handle, state_->tables.AddSource(std::move(source)));
  state_->Wake();
  return handle;
}

std::optional<ReadPath> IoService::PathOf(u32 source_handle, bool is_device_memory) const {
  const IoSource* const source = state_->tables.PinSource(source_handle);
  if (source == nullptr) return std::nullopt;
  const std::optional<IoRoute>& route =
      source->routes[static_cast<size_t>(is_device_memory ? IoMemory::kDevice : IoMemory::kHost)];
  const std::optional<ReadPath> path = route.has_value() ? std::optional(route->path) : std::nullopt;
  state_->tables.UnpinSource(source_handle);
  return path;
}

std::vector<Refusal> IoService::RefusalsOf(u32 source_handle, bool is_device_memory) const {
  const IoSource* const source = state_->tables.PinSource(source_handle);
  if (source == nullptr) return {};
  std::vector<Refusal> refusals = source->refusals[static_cast<size_t>(is_device_memory ? IoMemory::kDevice : IoMemory::kHost)];
  state_->tables.UnpinSource(source_handle);
  return refusals;
}

absl::StatusOr<std::vector<u32>> IoService::RegisterDestinations(const BufferPool& pool, const IoDestinations& pieces) {
  if (pool.is_device_memory() && !state_->device_memory) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What("destinations in a device's memory, and no path was probed with such memory"),
                     Fix("set make_probe_pool to what makes it, when the service is made"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<IoDestination> destinations, MakeIoDestinations(pool, pieces));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<u32> handles, state_->tables.AddDestinations(destinations));
  state_->Wake();
  return handles;
}

absl::StatusOr<u32> IoService::RegisterDestination(const BufferPool& pool, uint64_t offset_bytes, uint64_t length_bytes) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<u32> handles,
                            RegisterDestinations(pool, {.offset_bytes = offset_bytes, .length_bytes = length_bytes}));
  return handles.front();
}

absl::Status IoService::RevokeSource(u32 handle, absl::Duration timeout) {
  PENSTOCK_RETURN_IF_ERROR(state_->tables.CloseSource(handle));
  PENSTOCK_RETURN_IF_ERROR(state_->Revoked("a revoked source", timeout, [&] { return state_->tables.LeaveSource(handle); }));
  state_->tables.FreeSource(handle);
  return absl::OkStatus();
}

absl::Status IoService::RevokeDestination(u32 handle, absl::Duration timeout) {
  PENSTOCK_RETURN_IF_ERROR(state_->tables.CloseDestination(handle));
  PENSTOCK_RETURN_IF_ERROR(
      state_->Revoked("a revoked destination", timeout, [&] { return state_->tables.LeaveDestination(handle); }));
  state_->tables.FreeDestination(handle);
  state_->routes.ForgetPools();
  return absl::OkStatus();
}

absl::Status IoService::Start() {
  State& state = *state_;
  if (running() || !state.All([](const IoServer& server) { return server.drained(); })) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What("the I/O service runs, or reads of its last run are in flight still"),
                     Fix("call Stop until it is OK, then Start"));
  }
  state.Join();
  u64* const bell = &state.queues.bells[layout::kIoStateBell];
  if (layout::LoadAcquire<Scope::kSystem>(bell) == static_cast<u64>(IoServiceState::kServing)) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What("another I/O service serves these queues"),
                     Fix("stop it first, or register with it"));
  }
  const absl::Status started = state.StartWorkers(state_);
  if (!started.ok()) Stop(kDestructorStop).IgnoreError();
  return started;
}

absl::Status IoService::Stop(absl::Duration timeout) {
  State& state = *state_;
  if (state.running.exchange(false, std::memory_order_relaxed)) {
    // The kernel is told first: what it requests from now on, it ends itself.
    state.SetState(IoServiceState::kStopped);
    __sync_synchronize();
  }
  const auto deadline_ns = MonotonicNs() + static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(timeout)));
  {
    const std::lock_guard lock(state.workers_mutex);
    for (const auto& worker : state.workers) worker->server.RequestStop(deadline_ns);
  }
  state.Wake();
  WaitUntil(absl::InfiniteDuration(), [&] { return state.All([](const IoServer& server) { return server.quiet(); }); });
  const absl::Duration left = absl::Nanoseconds(static_cast<int64_t>(deadline_ns - std::min(deadline_ns, MonotonicNs())));
  if (!WaitUntil(left, [&] { return state.All([](const IoServer& server) { return server.drained(); }); })) {
    return MakeError(
        absl::StatusCode::kDeadlineExceeded,
        What(absl::StrCat("the I/O service has stopped, but reads are still in flight after ", absl::FormatDuration(timeout))),
        Fix("keep the memory of the destinations, and stop again or end the process"));
  }
  state.Join();
  return absl::OkStatus();
}

bool IoService::running() const { return state_->running.load(std::memory_order_relaxed); }

IoServiceCounts IoService::counts() const {
  IoServiceCounts sums;
  for (u32 index = 0; index < state_->options.threads; ++index) state_->tallies[index].AddTo(sums);
  return sums;
}

std::vector<std::string> IoService::log() const { return state_->log.lines(); }

}  // namespace penstock
