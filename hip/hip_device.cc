// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/hip_device.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hip/dma_buf_import.h"
#include "hip/gpu.h"
#include "hip/gpu_error.h"
#include "hip/gpu_memory.h"
#include "hip/host_pages.h"
#include "hip/kernel.h"
#include "penstock/clock.h"
#include "penstock/device/program.h"
#include "penstock/error.h"
#include "runtime/resident_device.h"

namespace penstock {
namespace hip {
namespace {

constexpr u32 kMostWorkgroups = 65535;
constexpr absl::Duration kSampleTimeout = absl::Milliseconds(200);

/// A device's memory with its owners.
class GpuDeviceMemory : public MegakernelMemory {
 public:
  /// Errors: ResourceExhausted; Unavailable.
  static absl::StatusOr<std::shared_ptr<GpuDeviceMemory>> Allocate(const DeviceOptions& options, u64 ticks_per_second) {
    auto memory = std::make_shared<GpuDeviceMemory>(options, ticks_per_second);
    PENSTOCK_ASSIGN_OR_RETURN(memory->host_, AllocatePinned(memory->host_bytes()));
    PENSTOCK_ASSIGN_OR_RETURN(memory->image_, AllocatePinned(memory->device_bytes()));
    PENSTOCK_ASSIGN_OR_RETURN(memory->device_, AllocateOnGpu(memory->device_bytes()));
    PENSTOCK_ASSIGN_OR_RETURN(const u64 host_address, AddressOnGpu(memory->host_.get()));
    memory->Place({memory->host_.get(), host_address}, {memory->image_.get(), reinterpret_cast<u64>(memory->device_.get())});
    return memory;
  }

  GpuDeviceMemory(const DeviceOptions& options, u64 ticks_per_second) : MegakernelMemory(options, ticks_per_second) {}

  std::byte* OnGpu(const void* image) const { return device_.get() + DeviceOffset(image); }
  const std::byte* image() const { return image_.get(); }

  /// Leaves everything to a kernel that will not end.
  void Abandon() {
    static_cast<void>(host_.release());
    static_cast<void>(image_.release());
    static_cast<void>(device_.release());
  }

 private:
  PinnedMemory host_;
  PinnedMemory image_;  // pinned, so that a copy of it needs no help of the host's
  GpuMemory device_;
};

/// Two streams: the megakernel's, and one for looking at its memory while it runs.
struct Streams {
  Streams() = default;
  Streams(Streams&& other) noexcept : kernel(std::exchange(other.kernel, nullptr)), side(std::exchange(other.side, nullptr)) {}
  Streams& operator=(Streams&&) = delete;
  ~Streams() {
    if (kernel != nullptr) static_cast<void>(hipStreamDestroy(kernel));
    if (side != nullptr) static_cast<void>(hipStreamDestroy(side));
  }

  /// The kernel's has the highest priority: a level, and with it a hardware queue, that applications rarely use.
  static absl::StatusOr<Streams> Create(const GpuFacts& gpu, u32 spare_compute_units) {
    Streams streams;
    int least = 0;
    int greatest = 0;
    hipError_t error = hipDeviceGetStreamPriorityRange(&least, &greatest);
    if (error == hipSuccess) {
      error = CreateStreamBeside(&streams.kernel, greatest, static_cast<int>(gpu.compute_units),
                                 static_cast<int>(spare_compute_units));
    }
    if (error == hipSuccess) error = hipStreamCreateWithFlags(&streams.side, hipStreamNonBlocking);
    if (error != hipSuccess) return GpuError(error, "cannot make a stream");
    return streams;
  }

  hipStream_t kernel = nullptr;
  hipStream_t side = nullptr;
};

struct Parts {
  GpuFacts gpu;
  int index;
  Streams streams;
  std::unique_ptr<Kernel> kernel;
  std::shared_ptr<GpuDeviceMemory> memory;
};

class HipDevice final : public ResidentDevice {
 public:
  HipDevice(const DeviceOptions& options, Parts parts, LiveRing ring)
      : ResidentDevice(options, parts.memory, std::move(ring)),
        parts_(std::move(parts)),
        life_(parts_.index),
        flush_register_(PeerFlushRegister(parts_.index)) {}

  ~HipDevice() override {
    const CurrentGpu current(parts_.index);
    if (life_.is_over()) {  // with another device on this GPU: there is no ring any more to stop by, nor anything to free
      AbandonEverything();
      return;
    }
    const absl::Status stopped = Stop(hangs() ? absl::ZeroDuration() : absl::Seconds(5));
    if (stopped.ok()) return;
    AbandonEverything();
    if (running()) {
      pages_.Abandon();
      return;
    }
    // Whatever this process had on the GPU is gone. Only so can a new device be opened. What devices of other GPUs have pinned
    // stays pinned for as long as they need it.
    HostPages::ResetGpu(parts_.index);
  }

  absl::StatusOr<std::optional<u64>> ImportDmaBuf(int dma_buf, u64 bytes) override {
    const CurrentGpu current(parts_.index);
    PENSTOCK_ASSIGN_OR_RETURN(ImportedDmaBuf imported, hip::ImportDmaBuf(dma_buf, bytes));
    return reinterpret_cast<u64>(imported_.emplace_back(std::move(imported)).address());
  }

  /// Puts the image where the megakernel finds it. Errors: Unavailable.
  absl::Status UploadAll() { return Upload(parts_.memory->image(), parts_.memory->device_bytes()); }

  /// The host data path of an AMD GPU keeps what came over the bus until it is told to let go. The register is on the GPU: this
  /// write is there before the GPU can see a slot that is published after it, since the GPU reads the ring over the same bus,
  /// where answers do not overtake writes. It is not read back: on some machines that does harm.
  void FlushPeerWrites() override {
    if (flush_register_ != nullptr) *flush_register_ = 1;
  }

  std::string name() const override {
    return absl::StrCat("hip:", parts_.index, " (", parts_.gpu.name, ", ", parts_.gpu.architecture, ")");
  }

 protected:
  absl::StatusOr<u64> Map(absl::Span<std::byte> memory) override {
    const CurrentGpu current(parts_.index);
    return pages_.Map(memory);
  }

  absl::StatusOr<u64> CopyTable(absl::Span<const u32> table) override {
    const CurrentGpu current(parts_.index);
    const size_t bytes = table.size() * sizeof(u32);
    PENSTOCK_ASSIGN_OR_RETURN(GpuMemory copy, AllocateOnGpu(bytes));
    // By way of memory that is pinned as a whole: a table that shares a page with a registered buffer is pinned in part, which
    // CUDA refuses to copy from.
    PENSTOCK_ASSIGN_OR_RETURN(const PinnedMemory pinned, AllocatePinned(bytes));
    std::memcpy(pinned.get(), table.data(), bytes);
    PENSTOCK_RETURN_IF_ERROR(CopyToGpu(copy.get(), pinned.get(), bytes));
    return reinterpret_cast<u64>(tables_.emplace_back(std::move(copy)).get());
  }

  absl::Status Upload(const void* image, size_t bytes) override {
    const CurrentGpu current(parts_.index);
    return CopyToGpu(parts_.memory->OnGpu(image), image, bytes);
  }

  absl::Status BeginLaunch() override {
    const CurrentGpu current(parts_.index);
    begin_ns_ = MonotonicNs();
    return parts_.kernel->Launch(workgroups(), memory().view(), parts_.streams.kernel);
  }

  absl::StatusOr<bool> HasLeft() override {
    const hipError_t error = hipStreamQuery(parts_.streams.kernel);
    if (error == hipSuccess) return true;
    if (error == hipErrorNotReady) {
      static_cast<void>(hipGetLastError());
      return false;
    }
    return LossError(error, name());
  }

  bool SampleWorkgroups() override;

  absl::Duration AgeOf(u64 busy_since_ticks) const override {
    const double since_begin =
        static_cast<double>(busy_since_ticks - memory().launch().begin_ticks) / static_cast<double>(memory().ticks_per_second());
    return absl::Nanoseconds(static_cast<int64_t>(MonotonicNs() - begin_ns_)) - absl::Seconds(since_begin);
  }

 private:
  absl::Status CopyToGpu(void* to, const void* from, size_t bytes) {
    hipError_t error = hipMemcpyAsync(to, from, bytes, hipMemcpyHostToDevice, parts_.streams.kernel);
    if (error == hipSuccess) error = hipStreamSynchronize(parts_.streams.kernel);
    return error == hipSuccess ? absl::OkStatus() : GpuError(error, "cannot copy to the GPU");
  }

  /// A kernel that will not end may go on using its memory, and to free any of it would wait for it.
  void AbandonEverything() {
    AbandonKept();
    parts_.memory->Abandon();
    for (ImportedDmaBuf& imported : imported_) imported.Abandon();
    for (GpuMemory& table : tables_) static_cast<void>(table.release());
    static_cast<void>(parts_.kernel.release());
    parts_.streams.kernel = nullptr;
    parts_.streams.side = nullptr;
  }

  Parts parts_;
  const UntilReset life_;
  volatile u32* const flush_register_;  // null: nothing is to be flushed
  HostPages pages_;
  std::vector<ImportedDmaBuf> imported_;
  std::vector<GpuMemory> tables_;
  u64 begin_ns_ = 0;
};

/// By a copy beside the running kernel. It is waited for with patience, not for ever.
bool HipDevice::SampleWorkgroups() {
  const CurrentGpu current(parts_.index);
  device::LaunchState& launch = memory().launch();
  const absl::Span<device::WorkgroupState> states = memory().workgroups();
  const hipStream_t side = parts_.streams.side;
  const bool began =
      hipMemcpyAsync(&launch, parts_.memory->OnGpu(&launch), sizeof(launch), hipMemcpyDeviceToHost, side) == hipSuccess &&
      hipMemcpyAsync(states.data(), parts_.memory->OnGpu(states.data()), states.size() * sizeof(states[0]), hipMemcpyDeviceToHost,
                     side) == hipSuccess;
  const u64 limit_ns = MonotonicNs() + static_cast<u64>(absl::ToInt64Nanoseconds(kSampleTimeout));
  while (began && MonotonicNs() < limit_ns) {
    if (hipStreamQuery(side) == hipSuccess) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  static_cast<void>(hipGetLastError());
  return false;
}

/// Fills in how many workgroups there will be. Errors: InvalidArgument; ResourceExhausted.
absl::Status ChooseWorkgroups(const GpuFacts& gpu, u32 per_compute_unit, HipDeviceOptions& options) {
  if (options.spare_compute_units >= gpu.compute_units) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("spare_compute_units is ", options.spare_compute_units, " of ", gpu.compute_units)),
                     Fix("leave at least one compute unit to the megakernel"));
  }
  const u32 compute_units = gpu.compute_units - options.spare_compute_units;
  if (options.workgroups == 0) options.workgroups = compute_units;
  if (options.workgroups <= compute_units * per_compute_unit) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted,
                   What(absl::StrCat(options.workgroups, " workgroups cannot all be resident on ", compute_units,
                                     " compute units, which hold ", per_compute_unit, " each")),
                   Fix(absl::StrCat("use at most ", compute_units * per_compute_unit)));
}

absl::StatusOr<std::unique_ptr<Device>> Make(HipDeviceOptions options, const HipProgram& program) {
  PENSTOCK_RETURN_IF_ERROR(CheckThatLaunchesReturn());
  PENSTOCK_ASSIGN_OR_RETURN(GpuFacts gpu, FindGpu(options.index));
  const auto index = static_cast<int>(options.index);
  const CurrentGpu current(index);
  PENSTOCK_RETURN_IF_ERROR(current.status());
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel,
                            program.kernel == nullptr ? MakeBuiltinKernel(gpu.architecture) : MakeFunctionKernel(program.kernel));
  PENSTOCK_ASSIGN_OR_RETURN(const u32 per_compute_unit, kernel->WorkgroupsPerComputeUnit());
  PENSTOCK_RETURN_IF_ERROR(ChooseWorkgroups(gpu, per_compute_unit, options));
  PENSTOCK_RETURN_IF_ERROR(CheckDeviceOptions(options, kMostWorkgroups));
  PENSTOCK_ASSIGN_OR_RETURN(Streams streams, Streams::Create(gpu, options.spare_compute_units));
  PENSTOCK_ASSIGN_OR_RETURN(const std::shared_ptr<GpuDeviceMemory> memory,
                            GpuDeviceMemory::Allocate(options, TicksPerSecond(index, gpu.architecture)));
  PENSTOCK_ASSIGN_OR_RETURN(LiveRing ring, MakeRing(*memory, options, program.argument_count));
  auto device =
      std::make_unique<HipDevice>(options, Parts{gpu, index, std::move(streams), std::move(kernel), memory}, std::move(ring));
  PENSTOCK_RETURN_IF_ERROR(device->UploadAll());
  return device;
}

}  // namespace
}  // namespace hip

absl::StatusOr<std::unique_ptr<Device>> MakeHipDevice(const HipDeviceOptions& options, const HipProgram& program) {
  return hip::Make(options, program);
}

absl::StatusOr<std::unique_ptr<Device>> MakeHipDevice(const HipDeviceOptions& options) {
  return hip::Make(options, {nullptr, &device::Program<>::ArgumentCount});
}

}  // namespace penstock
