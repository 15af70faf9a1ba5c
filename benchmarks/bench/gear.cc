// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/gear.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench/buffers.h"
#include "benchmarks/bench/numa.h"
#include "benchmarks/cli/device_choice.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "runtime/ingest_setup.h"

namespace penstock::bench {
namespace {

ReadQueueOptions QueueOptions(const Job& job) {
  return {.depth = job.iodepth,
          .poll_device = job.poll_device,
          .kernel_thread = job.kernel_thread,
          .is_random = job.access == Access::kRandRead,
          .wait_count = job.batch_complete};
}

absl::StatusOr<std::unique_ptr<Operation>> MakeOperation(const Job& job) {
  if (job.operation == "crc32c") return MakeCrc32cOperation();
  if (job.operation == "histogram") return MakeHistogramOperation();
  if (job.operation == "verify") return MakeVerifyOperation(job.pattern);
  return MakeNoOperation();
}

absl::StatusOr<std::unique_ptr<Device>> MakeDevice(const Job& job) {
  cli::CommandLine line;
  line.device = job.runner == Runner::kHip ? cli::DeviceKind::kHip : cli::DeviceKind::kCpu;
  line.gpu_index = job.gpu_index;
  line.workgroups = job.workgroups;
  line.depth = job.iodepth;
  line.slot_times = true;
  PENSTOCK_ASSIGN_OR_RETURN(cli::ChosenDevice chosen, cli::ChooseDevice(line));
  return std::move(chosen.device);
}

absl::StatusOr<BufferPool> MakePool(const Job& job, Device* device) {
  const BufferPool::Options options = BuffersOf(job);
  if (device == nullptr && job.buffer.kind == cli::BufferChoice::Kind::kPinned) return BufferPool::Create(options);
  if (device == nullptr) return PeerMemoryPools(job.buffer.pci_address)(options);
  PENSTOCK_ASSIGN_OR_RETURN(const BufferPoolMaker make, cli::PoolMakerOf(job.buffer, *device));
  return make(options);
}

absl::Status CheckPool(const Job& job, const BufferPool& pool) {
  const uint32_t wanted = BuffersOf(job).buffer_count;
  if (pool.buffer_count() >= wanted) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted,
                   What(absl::StrCat("the device's memory holds ", pool.buffer_count(), " buffers of ", pool.buffer_bytes(),
                                     " bytes, and a depth of ", job.iodepth, " needs ", wanted)),
                   Fix("use a smaller depth, smaller blocks, fewer jobs, or larger memory"));
}

absl::Status StartDevice(const Job& job, LaneGear& gear) {
  PENSTOCK_ASSIGN_OR_RETURN(gear.buffer_handle, RegisterPool(*gear.device, *gear.pool, layout::kBufferRead));
  gear.device->Keep(gear.pool);
  PENSTOCK_ASSIGN_OR_RETURN(gear.operation, MakeOperation(job));
  PENSTOCK_RETURN_IF_ERROR(gear.operation->Prepare(*gear.device, gear.pool->buffer_count()));
  return gear.device->Start();
}

absl::StatusOr<VolumePart> PartOf(const Job& job, const Volume& volume) {
  const uint64_t end = job.size_bytes == 0 ? volume.size_bytes() : job.offset_bytes + job.size_bytes;
  if (end > volume.size_bytes() || end < job.offset_bytes || end - job.offset_bytes < job.max_block_bytes) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat("bytes ", job.offset_bytes, " to ", end, " of ", volume.name(), ", which has ",
                                       volume.size_bytes(), ", with blocks of ", job.max_block_bytes)),
                     Fix("choose --offset and --size within the volume, with room for one block at least"));
  }
  return VolumePart{job.offset_bytes, end - job.offset_bytes};
}

}  // namespace

absl::StatusOr<JobVolumes> JobVolumes::Open(const Job& job) {
  JobVolumes volumes;
  for (const std::string& name : job.volumes) {
    PENSTOCK_ASSIGN_OR_RETURN(Volume volume, Volume::Open(name));
    if (!volume.Supports(job.path)) {
      const Refusal& refusal = volume.support(job.path).refusal;
      return MakeError(absl::StatusCode::kFailedPrecondition, What(refusal.cause), Fix(refusal.remedy));
    }
    PENSTOCK_ASSIGN_OR_RETURN(const VolumePart part, PartOf(job, volume));
    volumes.parts.push_back(part);
    volumes.open.push_back(std::make_unique<Volume>(std::move(volume)));
    volumes.all.push_back(volumes.open.back().get());
  }
  return volumes;
}

absl::StatusOr<LaneGear> LaneGear::Make(const Job& job, const JobVolumes& volumes) {
  const ScopedMemoryNode node(job.numa);
  LaneGear gear;
  if (job.runner != Runner::kNone) {
    PENSTOCK_ASSIGN_OR_RETURN(gear.device, MakeDevice(job));
  }
  PENSTOCK_ASSIGN_OR_RETURN(BufferPool pool, MakePool(job, gear.device.get()));
  PENSTOCK_RETURN_IF_ERROR(CheckPool(job, pool));
  gear.pool = std::make_shared<BufferPool>(std::move(pool));
  PENSTOCK_ASSIGN_OR_RETURN(gear.queue, OpenReadQueue(job.path, *gear.pool, QueueOptions(job)));
  for (const Volume* const volume : volumes.all) gear.queue->Attach(*volume);
  gear.reader = std::make_unique<Reader>(*gear.queue, Reader::Options{.depth = job.iodepth});
  if (gear.device != nullptr) PENSTOCK_RETURN_IF_ERROR(StartDevice(job, gear));
  return gear;
}

LaneParts LaneGear::parts(const JobVolumes& volumes) const {
  return {.volumes = volumes.all,
          .reader = reader.get(),
          .pool = pool.get(),
          .device = device.get(),
          .buffer_handle = buffer_handle,
          .operation = operation.get()};
}

}  // namespace penstock::bench
