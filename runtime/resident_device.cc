// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/resident_device.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "penstock/automaton.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/layout/atomic.h"
#include "runtime/base/abandoned.h"

namespace penstock {

using layout::Scope;

namespace {

absl::Status CheckDurations(const DeviceOptions& options) {
  struct Limit {
    std::string_view name;
    absl::Duration value;
  };
  for (const Limit& limit : {Limit{"slot_limit", options.slot_limit}, Limit{"mirror_interval", options.mirror_interval}}) {
    if (limit.value >= absl::ZeroDuration()) continue;
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrFormat("device option %s is %s", std::string(limit.name), absl::FormatDuration(limit.value))),
                     Fix("set it to zero or more; absl::InfiniteDuration() is for ever"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDeviceOptions(const DeviceOptions& options, u32 most_workgroups) {
  struct Limit {
    std::string_view name;
    u32 value;
    u32 most;
    u32 least = 1;
  };
  const auto& slot_counts = options.ring.slot_counts;
  for (const Limit& limit :
       {Limit{"workgroups", options.workgroups, most_workgroups}, Limit{"user_words", options.user_words, 1u << 24},
        Limit{"max_buffers", options.max_buffers, layout::kMaxBuffers},
        Limit{"debug_log_records", options.debug_log_records, 1u << 24},
        Limit{"io_queues", options.io_queues, layout::kMaxIoQueues, 0},
        Limit{"max_resources", options.max_resources, 1u << 24, 0},
        Limit{"ring.slot_counts", *std::ranges::min_element(slot_counts), LiveRing::kMaxSubRingSlots},
        Limit{"ring.slot_counts", *std::ranges::max_element(slot_counts), LiveRing::kMaxSubRingSlots}}) {
    if (limit.value >= limit.least && limit.value <= limit.most) continue;
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrFormat("device option %s is %d", std::string(limit.name), limit.value)),
                     Fix(absl::StrCat("set it to at least ", limit.least, " and at most ", limit.most)));
  }
  return CheckDurations(options);
}

absl::StatusOr<LiveRing> MakeRing(MegakernelMemory& memory, const DeviceOptions& options,
                                  LiveRing::ArgumentCount argument_count) {
  LiveRing::Options ring_options = options.ring;
  ring_options.argument_count = argument_count;
  PENSTOCK_ASSIGN_OR_RETURN(LiveRing ring,
                            LiveRing::Create({memory.slots(), &memory.doorbell(), memory.slot_times()}, ring_options));
  memory.Connect(ring, options.ring.first_sequence);
  return ring;
}

ResidentDevice::ResidentDevice(const DeviceOptions& options, std::shared_ptr<MegakernelMemory> memory, LiveRing ring)
    : options_(options), memory_(std::move(memory)), ring_(std::move(ring)) {
  PENSTOCK_CHECK(SetTenant({0, layout::kPermitAllButShutdown, 0}).ok());
}

// --- tables ---

absl::Status ResidentDevice::CheckRoomForBuffer() const {
  if (running_) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What("a buffer cannot be registered while the megakernel runs"),
                     Fix("register every buffer before Start"));
  }
  if (buffer_count_ == options_.max_buffers) {
    return MakeError(absl::StatusCode::kResourceExhausted, What(absl::StrCat("all ", buffer_count_, " buffer handles are taken")),
                     Fix("raise DeviceOptions::max_buffers"));
  }
  return absl::OkStatus();
}

absl::StatusOr<u32> ResidentDevice::AddBufferRow(u64 address, u64 length_bytes, u32 rights) {
  constexpr u32 kGeneration = 1;
  layout::BufferRow& row = memory_->buffers()[buffer_count_];
  row = {address, length_bytes, rights, kGeneration, 0};
  PENSTOCK_RETURN_IF_ERROR(Upload(&row, sizeof(row)));
  return layout::MakeHandle(buffer_count_++, kGeneration);
}

absl::Status ResidentDevice::CheckBuffer(u64 length_bytes, u32 rights) const {
  if ((rights & ~(layout::kBufferRead | layout::kBufferWrite)) != 0 || rights == 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("buffer rights ", rights, " have no meaning")),
                     Fix("use layout::kBufferRead, layout::kBufferWrite or both"));
  }
  PENSTOCK_RETURN_IF_ERROR(CheckRoomForBuffer());
  if (length_bytes > 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, What("an empty buffer cannot be registered"),
                   Fix("hand in memory of at least one byte"));
}

absl::StatusOr<u32> ResidentDevice::RegisterBuffer(absl::Span<std::byte> memory, u32 rights) {
  PENSTOCK_RETURN_IF_ERROR(CheckBuffer(memory.data() == nullptr ? 0 : memory.size(), rights));
  PENSTOCK_ASSIGN_OR_RETURN(const u64 address, Map(memory));
  return AddBufferRow(address, memory.size(), rights);
}

absl::StatusOr<u32> ResidentDevice::RegisterDeviceMemory(u64 device_address, u64 length_bytes, u32 rights) {
  PENSTOCK_RETURN_IF_ERROR(CheckBuffer(device_address == 0 ? 0 : length_bytes, rights));
  return AddBufferRow(device_address, length_bytes, rights);
}

absl::StatusOr<u32> ResidentDevice::RegisterAutomaton(absl::Span<const u32> table) {
  PENSTOCK_RETURN_IF_ERROR(CheckRoomForBuffer());
  PENSTOCK_RETURN_IF_ERROR(CheckAutomaton(table));
  PENSTOCK_ASSIGN_OR_RETURN(const u64 address, CopyTable(table));
  return AddBufferRow(address, table.size() * sizeof(u32), layout::kBufferRead | layout::kBufferAutomaton);
}

absl::Status ResidentDevice::SetResource(u32 id, const layout::ResourceRow& resource) {
  if (running_) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What("a resource cannot be changed while the megakernel runs"),
                     Fix("set every resource before Start"));
  }
  if (id >= memory_->resources().size()) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat("resource ", id, " of ", memory_->resources().size(), " that the device has room for")),
                     Fix("raise DeviceOptions::max_resources, and set io_queues"));
  }
  layout::ResourceRow& row = memory_->resources()[id];
  device::ResourceState& state = memory_->resource_states()[id];
  row = resource;
  state = {device::ResourceState::kAbsent};
  PENSTOCK_RETURN_IF_ERROR(Upload(&row, sizeof(row)));
  return Upload(&state, sizeof(state));
}

absl::Status ResidentDevice::SetTenant(const TenantRights& rights) {
  if (rights.tenant >= layout::kTenantCount) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("tenant ", rights.tenant, " is out of range")),
                     Fix(absl::StrCat("use a tenant below ", layout::kTenantCount)));
  }
  const absl::Span<u32> control = memory_->control();
  layout::StoreRelaxed<Scope::kSystem>(&control[layout::kControlTenantMasks + rights.tenant], rights.permitted);
  layout::StoreRelaxed<Scope::kSystem>(&control[layout::kControlTenantQuotas + rights.tenant], rights.quota_slots_per_epoch);
  BeginEpoch();
  return absl::OkStatus();
}

void ResidentDevice::BeginEpoch() {
  layout::StoreRelaxed<Scope::kSystem>(&memory_->control()[layout::kControlEpoch], ring_.epoch() + 1);
  ring_.BeginEpoch();
}

void ResidentDevice::AbandonKept() {
  for (std::shared_ptr<const void>& memory : kept_) Abandon(std::move(memory));
  kept_.clear();
}

// --- launching and stopping ---

absl::Status ResidentDevice::Launch(bool run_once) {
  PENSTOCK_RETURN_IF_ERROR(lost_);
  if (running_) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What("the megakernel is running"), Fix("call Stop first"));
  }
  ring_.SetShutdown(false);
  memory_->PrepareLaunch(run_once);
  PENSTOCK_RETURN_IF_ERROR(Upload(&memory_->launch(), sizeof(device::LaunchState)));
  PENSTOCK_RETURN_IF_ERROR(BeginLaunch());
  running_ = true;
  return absl::OkStatus();
}

absl::Status ResidentDevice::RunOnce(absl::Duration timeout) {
  PENSTOCK_RETURN_IF_ERROR(Launch(/*run_once=*/true));
  return Join(timeout);
}

absl::Status ResidentDevice::Stop(absl::Duration timeout) {
  if (!running_) return Check();
  ring_.SetShutdown(true);
  return Join(timeout);
}

absl::Status ResidentDevice::Join(absl::Duration timeout) {
  const u64 start = MonotonicNs();
  const u64 limit = static_cast<u64>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(timeout)));
  for (;;) {
    const absl::StatusOr<bool> left = HasLeft();
    if (!left.ok()) return Lose(left.status());
    if (*left) break;
    if (MonotonicNs() - start >= limit) {
      hangs_ = true;
      return HungError(timeout);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  EndLaunch();
  running_ = false;
  hangs_ = false;
  return absl::OkStatus();
}

absl::Status ResidentDevice::Check() {
  if (!running_) {
    if (!lost_.ok()) ring_.EndAsLost();  // The ring takes slots all the same.
    return lost_;
  }
  const absl::StatusOr<bool> left = HasLeft();
  return left.ok() ? absl::OkStatus() : Lose(left.status());
}

/// Nothing will run any more: whoever waits for a slot is told so.
absl::Status ResidentDevice::Lose(const absl::Status& cause) {
  const u32 tickets = ring_.in_flight();
  ring_.EndAsLost();
  running_ = false;
  lost_ = Annotate(cause, absl::StrCat("the device was lost with ", tickets, " slots in flight, which end as FAULT ",
                                       static_cast<u32>(layout::FaultReason::kDeviceLost)));
  return lost_;
}

absl::Status ResidentDevice::HungError(absl::Duration waited) {
  std::string hung;
  if (SampleWorkgroups()) {
    const absl::Span<const device::WorkgroupState> states = memory_->workgroups();
    for (u32 i = 0; i < states.size(); ++i) {
      const device::WorkgroupState& state = states[i];
      const u32 slot = layout::LoadRelaxed<Scope::kDevice>(&state.busy_slot);
      if (slot == 0) continue;
      const absl::Duration age = AgeOf(layout::LoadRelaxed<Scope::kDevice>(&state.busy_since_ticks));
      absl::StrAppendFormat(&hung, "; workgroup %d is in slot %d, opcode %#x, for %s", i, slot - 1,
                            layout::LoadRelaxed<Scope::kDevice>(&state.busy_opcode),
                            absl::FormatDuration(absl::Trunc(age, absl::Milliseconds(1))));
    }
    if (hung.empty()) hung = "; no workgroup holds a slot";
  } else {
    hung = "; it does not say which slots it holds";
  }
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   What(absl::StrCat("the megakernel has not left its loop after ", absl::FormatDuration(waited), hung)),
                   Fix("look for an endless loop in the handler of that opcode, and open a new device"));
}

// --- what it tells ---

layout::Counters ResidentDevice::counters() const {
  layout::Counters counters;
  const u64* from = &memory_->counters().done;
  u64* to = &counters.done;
  for (u32 i = 0; i < layout::kCounterCount; ++i) to[i] = layout::LoadRelaxed<Scope::kSystem>(&from[i]);
  return counters;
}

u32 ResidentDevice::control_word(u32 index) const {
  PENSTOCK_CHECK(index < memory_->control().size());
  return layout::LoadRelaxed<Scope::kSystem>(&memory_->control()[index]);
}

std::vector<layout::DebugRecord> ResidentDevice::debug_log() const {
  const absl::Span<const u32> log = memory_->debug_log();
  std::vector<layout::DebugRecord> records(layout::CompleteRecords(log.data(), log.size()));
  records.resize(layout::ReadRecords(log.data(), log.size(), {0, static_cast<u32>(records.size())}, records.data()));
  return records;
}

}  // namespace penstock
