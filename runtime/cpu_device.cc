// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/cpu_device.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "penstock/error.h"
#include "runtime/cpu_memory.h"
#include "runtime/lane_barrier.h"
#include "runtime/resident_device.h"

namespace penstock {
namespace {

class CpuDevice final : public ResidentDevice {
 public:
  CpuDevice(const CpuDeviceOptions& options, const CpuProgram& program, const std::shared_ptr<CpuMemory>& memory, LiveRing ring)
      : ResidentDevice(options, memory, std::move(ring)), lanes_(options.lanes), program_(program), memory_(memory) {}

  ~CpuDevice() override {
    // Threads keep the memory alive, so a handler that hangs may be left behind.
    if (Stop(hangs() ? absl::ZeroDuration() : absl::Seconds(5)).ok()) return;
    AbandonKept();
    for (std::thread& thread : threads_) thread.detach();
  }

  std::string name() const override { return "cpu"; }
  SlotClock slot_clock() const override { return {device::Group::kTicksPerSecond, /*is_hosts=*/true}; }

 protected:
  absl::StatusOr<u64> Map(absl::Span<std::byte> memory) override { return reinterpret_cast<u64>(memory.data()); }
  absl::StatusOr<u64> CopyTable(absl::Span<const u32> table) override {
    return reinterpret_cast<u64>(memory_->tables.emplace_back(table.begin(), table.end()).data());
  }
  absl::Status Upload(const void*, size_t) override { return absl::OkStatus(); }  // the image is the memory
  absl::Status BeginLaunch() override;
  absl::StatusOr<bool> HasLeft() override { return memory_->threads_left.load() == threads_.size(); }
  void EndLaunch() override;
  bool SampleWorkgroups() override { return true; }
  absl::Duration AgeOf(u64 busy_since_ticks) const override {
    return absl::Nanoseconds(static_cast<int64_t>(device::Group::CoarseTicks() - busy_since_ticks));
  }

 private:
  void AddThreads();
  absl::Status AbandonThreads(int error_number);

  const u32 lanes_;
  const CpuProgram program_;
  const std::shared_ptr<CpuMemory> memory_;
  std::vector<std::thread> threads_;
};

absl::Status CpuDevice::BeginLaunch() {
  memory_->threads_left.store(0);
  memory_->gate.store(CpuMemory::Gate::kClosed);
  try {
    AddThreads();
  } catch (const std::system_error& error) {
    return AbandonThreads(error.code().value());
  } catch (const std::bad_alloc&) {
    return AbandonThreads(ENOMEM);
  }
  memory_->OpenGate(CpuMemory::Gate::kRun);
  return absl::OkStatus();
}

/// Those that were started wait at the gate, and go.
absl::Status CpuDevice::AbandonThreads(int error_number) {
  memory_->OpenGate(CpuMemory::Gate::kAbandon);
  const size_t started = threads_.size();
  EndLaunch();
  return MakeErrnoError(absl::StatusCode::kUnavailable, error_number,
                        What(absl::StrFormat("thread %d of the device could not be started", started + 1)),
                        Fix("use fewer workgroups, or raise the limit on threads (ulimit -u)"));
}

void CpuDevice::AddThreads() {
  for (u32 workgroup = 0; workgroup < workgroups(); ++workgroup) {
    const std::shared_ptr<LaneBarrier> team = lanes_ > 1 ? std::make_shared<LaneBarrier>(lanes_) : nullptr;
    for (u32 lane = 0; lane < lanes_; ++lane) {
      threads_.emplace_back([memory = memory_, run = program_.run, team, workgroup, lane, lanes = lanes_] {
        if (memory->PassGate()) {
          device::Group group(workgroup, lane, lanes, team.get());
          run(memory->view(), group, memory->workgroup_memory(workgroup));
        }
        memory->threads_left.fetch_add(1);
      });
    }
  }
}

void CpuDevice::EndLaunch() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

absl::StatusOr<std::shared_ptr<CpuMemory>> AllocateMemory(const CpuDeviceOptions& options, const CpuProgram& program) {
  try {
    return std::make_shared<CpuMemory>(options, program.memory_bytes);
  } catch (const std::bad_alloc&) {
    return MakeError(absl::StatusCode::kResourceExhausted, What("there is not enough memory for the device's ring and tables"),
                     Fix("use fewer slots, buffers, I/O queues or resources (DeviceOptions), or raise the limit (ulimit -v)"));
  }
}

}  // namespace

CpuDeviceOptions CpuOptionsOf(const DeviceOptions& options) {
  CpuDeviceOptions cpu_options;
  static_cast<DeviceOptions&>(cpu_options) = options;
  if (options.workgroups == 0) cpu_options.workgroups = std::max(2u, std::thread::hardware_concurrency()) - 1;
  return cpu_options;
}

absl::StatusOr<std::unique_ptr<Device>> MakeCpuDevice(const CpuDeviceOptions& options, const CpuProgram& program) {
  PENSTOCK_RETURN_IF_ERROR(CheckDeviceOptions(options, CpuMemory::kMaxWorkgroups));
  if (options.lanes < 1 || options.lanes > device::kMaxLanes) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("device option lanes is ", options.lanes)),
                     Fix(absl::StrCat("set it to at least 1 and at most ", device::kMaxLanes)));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::shared_ptr<CpuMemory> memory, AllocateMemory(options, program));
  PENSTOCK_ASSIGN_OR_RETURN(LiveRing ring, MakeRing(*memory, options, program.argument_count));
  return std::make_unique<CpuDevice>(options, program, memory, std::move(ring));
}

}  // namespace penstock
