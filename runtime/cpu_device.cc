// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/cpu_device.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "penstock/automaton.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/layout/atomic.h"
#include "runtime/cpu_memory.h"
#include "runtime/lane_barrier.h"

namespace penstock {
namespace {

using layout::Scope;

absl::Status CheckOptions(const CpuDeviceOptions& options) {
  struct Limit {
    std::string_view name;
    u32 value;
    u32 most;
  };
  for (const Limit& limit :
       {Limit{"workgroups", options.workgroups, CpuMemory::kMaxWorkgroups}, Limit{"lanes", options.lanes, device::kMaxLanes},
        Limit{"user_words", options.user_words, 1u << 24}, Limit{"max_buffers", options.max_buffers, layout::kMaxBuffers},
        Limit{"debug_log_records", options.debug_log_records, 1u << 24},
        Limit{"ring.slot_counts", *std::ranges::min_element(options.ring.slot_counts), LiveRing::kMaxSubRingSlots},
        Limit{"ring.slot_counts", *std::ranges::max_element(options.ring.slot_counts), LiveRing::kMaxSubRingSlots}}) {
    if (limit.value >= 1 && limit.value <= limit.most) continue;
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrFormat("device option %s is %d", std::string(limit.name), limit.value)),
                     Fix(absl::StrCat("set it to at least 1 and at most ", limit.most)));
  }
  return absl::OkStatus();
}

class CpuDevice final : public Device {
 public:
  CpuDevice(const CpuDeviceOptions& options, const CpuProgram& program, std::shared_ptr<CpuMemory> memory, LiveRing ring)
      : options_(options), program_(program), memory_(std::move(memory)), ring_(std::move(ring)) {
    PENSTOCK_CHECK(SetTenant({0, layout::kPermitAllButShutdown, 0}).ok());
  }

  ~CpuDevice() override {
    // Threads keep the memory alive, so a handler that hangs may be left behind.
    if (!Stop(hangs_ ? absl::ZeroDuration() : absl::Seconds(5)).ok()) Detach();
  }

  std::string name() const override { return "cpu"; }
  u32 workgroups() const override { return options_.workgroups; }
  LiveRing& ring() override { return ring_; }
  const LiveRing& ring() const override { return ring_; }

  absl::StatusOr<u32> RegisterBuffer(absl::Span<std::byte> memory, u32 rights) override;
  absl::StatusOr<u32> RegisterAutomaton(absl::Span<const u32> table) override;
  absl::Status SetTenant(const TenantRights& rights) override;
  void BeginEpoch() override;
  absl::Status Start() override { return Launch(/*run_once=*/false); }
  absl::Status RunOnce(absl::Duration timeout) override;
  absl::Status Stop(absl::Duration timeout) override;
  bool running() const override { return running_; }
  layout::Counters counters() const override;
  u32 control_word(u32 index) const override;
  std::vector<layout::DebugRecord> debug_log() const override;

 private:
  absl::Status Launch(bool run_once);
  void AddThreads();
  void JoinAll();
  absl::Status Join(absl::Duration timeout);
  absl::Status HungError(absl::Duration waited) const;
  absl::StatusOr<u32> AddBufferRow(const void* address, size_t length_bytes, u32 rights);
  void Detach();

  const CpuDeviceOptions options_;
  const CpuProgram program_;
  const std::shared_ptr<CpuMemory> memory_;
  LiveRing ring_;
  std::vector<std::thread> threads_;
  u32 buffer_count_ = 0;
  std::atomic<bool> running_ = false;
  bool hangs_ = false;  // a Stop or RunOnce has given up waiting
};

absl::StatusOr<u32> CpuDevice::AddBufferRow(const void* address, size_t length_bytes, u32 rights) {
  if (running_) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What("a buffer cannot be registered while the megakernel runs"),
                     Fix("register every buffer before Start"));
  }
  if (address == nullptr || length_bytes == 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, What("an empty buffer cannot be registered"),
                     Fix("hand in memory of at least one byte"));
  }
  if (buffer_count_ == options_.max_buffers) {
    return MakeError(absl::StatusCode::kResourceExhausted, What(absl::StrCat("all ", buffer_count_, " buffer handles are taken")),
                     Fix("raise DeviceOptions::max_buffers"));
  }
  constexpr u32 kGeneration = 1;
  memory_->buffers[buffer_count_] = {reinterpret_cast<u64>(address), length_bytes, rights, kGeneration, 0};
  return layout::MakeHandle(buffer_count_++, kGeneration);
}

absl::StatusOr<u32> CpuDevice::RegisterBuffer(absl::Span<std::byte> memory, u32 rights) {
  if ((rights & ~(layout::kBufferRead | layout::kBufferWrite)) != 0 || rights == 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("buffer rights ", rights, " have no meaning")),
                     Fix("use layout::kBufferRead, layout::kBufferWrite or both"));
  }
  return AddBufferRow(memory.data(), memory.size(), rights);
}

absl::StatusOr<u32> CpuDevice::RegisterAutomaton(absl::Span<const u32> table) {
  PENSTOCK_RETURN_IF_ERROR(CheckAutomaton(table));
  const std::vector<u32>& copy = memory_->automata.emplace_back(table.begin(), table.end());
  auto handle = AddBufferRow(copy.data(), copy.size() * sizeof(u32), layout::kBufferRead | layout::kBufferAutomaton);
  if (!handle.ok()) memory_->automata.pop_back();
  return handle;
}

absl::Status CpuDevice::SetTenant(const TenantRights& rights) {
  if (rights.tenant >= layout::kTenantCount) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("tenant ", rights.tenant, " is out of range")),
                     Fix(absl::StrCat("use a tenant below ", layout::kTenantCount)));
  }
  u32* control = memory_->control.data();
  layout::StoreRelaxed<Scope::kSystem>(&control[layout::kControlTenantMasks + rights.tenant], rights.permitted);
  layout::StoreRelaxed<Scope::kSystem>(&control[layout::kControlTenantQuotas + rights.tenant], rights.quota_slots_per_epoch);
  BeginEpoch();
  return absl::OkStatus();
}

void CpuDevice::BeginEpoch() {
  layout::StoreRelaxed<Scope::kSystem>(&memory_->control[layout::kControlEpoch], ring_.epoch() + 1);
  ring_.BeginEpoch();
}

absl::Status CpuDevice::Launch(bool run_once) {
  if (running_) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What("the megakernel is running"), Fix("call Stop first"));
  }
  ring_.SetShutdown(false);
  device::DeviceView& view = memory_->view;
  view.run_once = run_once ? 1 : 0;
  memory_->shared->seen_shutdown = 0;
  memory_->shared->running = options_.workgroups;
  memory_->threads_left.store(0);
  memory_->gate.store(CpuMemory::Gate::kClosed);
  try {
    AddThreads();
  } catch (const std::system_error& error) {
    memory_->OpenGate(CpuMemory::Gate::kAbandon);
    const size_t started = threads_.size();
    JoinAll();
    return MakeErrnoError(absl::StatusCode::kUnavailable, error.code().value(),
                          What(absl::StrFormat("thread %d of the device could not be started", started + 1)),
                          Fix("use fewer workgroups, or raise the limit on threads (ulimit -u)"));
  }
  memory_->OpenGate(CpuMemory::Gate::kRun);
  running_ = true;
  return absl::OkStatus();
}

void CpuDevice::AddThreads() {
  const u32 lanes = options_.lanes;
  for (u32 workgroup = 0; workgroup < options_.workgroups; ++workgroup) {
    const std::shared_ptr<LaneBarrier> team = lanes > 1 ? std::make_shared<LaneBarrier>(lanes) : nullptr;
    for (u32 lane = 0; lane < lanes; ++lane) {
      threads_.emplace_back([memory = memory_, run = program_.run, team, workgroup, lane, lanes] {
        if (memory->PassGate()) {
          device::Group group(workgroup, lane, lanes, team.get());
          run(memory->view, group, memory->workgroup_memory(workgroup));
        }
        memory->threads_left.fetch_add(1);
      });
    }
  }
}

void CpuDevice::JoinAll() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

absl::Status CpuDevice::RunOnce(absl::Duration timeout) {
  PENSTOCK_RETURN_IF_ERROR(Launch(/*run_once=*/true));
  return Join(timeout);
}

absl::Status CpuDevice::Stop(absl::Duration timeout) {
  if (!running_) return absl::OkStatus();
  ring_.SetShutdown(true);
  return Join(timeout);
}

absl::Status CpuDevice::Join(absl::Duration timeout) {
  const u64 start = MonotonicNs();
  const u64 limit = static_cast<u64>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(timeout)));
  while (memory_->threads_left.load() < threads_.size()) {
    if (MonotonicNs() - start >= limit) {
      hangs_ = true;
      return HungError(timeout);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  JoinAll();
  running_ = false;
  hangs_ = false;
  return absl::OkStatus();
}

absl::Status CpuDevice::HungError(absl::Duration waited) const {
  std::string hung;
  for (u32 i = 0; i < options_.workgroups; ++i) {
    const u32 slot = layout::LoadRelaxed<Scope::kDevice>(&memory_->workgroups[i].busy_slot);
    if (slot == 0) continue;
    absl::StrAppendFormat(&hung, "; workgroup %d is in slot %d, opcode %#x", i, slot - 1,
                          layout::LoadRelaxed<Scope::kDevice>(&memory_->workgroups[i].busy_opcode));
  }
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   What(absl::StrCat("the megakernel has not left its loop after ", absl::FormatDuration(waited),
                                     hung.empty() ? "; no workgroup holds a slot" : hung, ", for at least as long")),
                   Fix("look for an endless loop in the handler of that opcode, and open a new device"));
}

void CpuDevice::Detach() {
  for (std::thread& thread : threads_) thread.detach();
  threads_.clear();
  running_ = false;
}

layout::Counters CpuDevice::counters() const {
  layout::Counters counters;
  const u64* from = reinterpret_cast<const u64*>(memory_->counters.get());
  u64* to = reinterpret_cast<u64*>(&counters);
  for (u32 i = 0; i < layout::kCounterCount; ++i) to[i] = layout::LoadRelaxed<Scope::kSystem>(&from[i]);
  return counters;
}

u32 CpuDevice::control_word(u32 index) const {
  PENSTOCK_CHECK(index < memory_->control.size());
  return layout::LoadRelaxed<Scope::kSystem>(&memory_->control[index]);
}

std::vector<layout::DebugRecord> CpuDevice::debug_log() const {
  const std::vector<u32>& log = memory_->debug_log;
  std::vector<layout::DebugRecord> records(layout::CompleteRecords(log.data(), log.size()));
  records.resize(layout::ReadRecords(log.data(), log.size(), {0, static_cast<u32>(records.size())}, records.data()));
  return records;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> MakeCpuDevice(const CpuDeviceOptions& options, const CpuProgram& program) {
  PENSTOCK_RETURN_IF_ERROR(CheckOptions(options));
  LiveRing::Options ring_options = options.ring;
  ring_options.argument_count = program.argument_count;
  u32 slot_count = 0;
  for (u32 count : ring_options.slot_counts) slot_count += count;
  auto memory = std::make_shared<CpuMemory>(options, program.memory_bytes, slot_count);
  PENSTOCK_ASSIGN_OR_RETURN(LiveRing ring, LiveRing::Create({memory->slots(), memory->doorbell.get()}, ring_options));
  memory->Connect(ring, options.ring.first_sequence);
  return std::make_unique<CpuDevice>(options, program, std::move(memory), std::move(ring));
}

}  // namespace penstock
