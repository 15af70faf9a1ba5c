// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the threads of a job read with: volumes, and for each thread buffers, a queue and a device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/bench/access_pattern.h"
#include "benchmarks/bench/job.h"
#include "benchmarks/bench/lane.h"
#include "penstock/buffer_pool.h"
#include "penstock/device.h"
#include "penstock/operation.h"
#include "penstock/reader.h"
#include "penstock/volume.h"

namespace penstock::bench {

/// The volumes of a job, open to be read.
struct JobVolumes {
  std::vector<std::unique_ptr<Volume>> open;
  std::vector<const Volume*> all;
  std::vector<VolumePart> parts;

  /// Errors: those of Volume::Open; FailedPrecondition if the job's path cannot read one; OutOfRange for a part beyond its end.
  static absl::StatusOr<JobVolumes> Open(const Job& job);
};

/// Members are destroyed in the reverse of their order: what reads before what is read into.
struct LaneGear {
  std::unique_ptr<Device> device;  // started; null for Runner::kNone
  std::unique_ptr<Operation> operation;
  std::shared_ptr<BufferPool> pool;
  std::unique_ptr<ReadQueue> queue;
  std::unique_ptr<Reader> reader;
  uint32_t buffer_handle = 0;

  /// Errors: those of the buffers, the path, the operation and the device. The volumes are attached, and outlive it.
  static absl::StatusOr<LaneGear> Make(const Job& job, const JobVolumes& volumes);
  LaneParts parts(const JobVolumes& volumes) const;
};

}  // namespace penstock::bench
