// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One measurement of `penstock bench`: a point of the grid that the user asked for, every value of it checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/cli/buffer_choice.h"
#include "benchmarks/cli/command_line.h"
#include "penstock/read_path.h"

namespace penstock::bench {

/// In which order offsets are read: fio's --rw.
enum class Access { kRead, kRandRead };

/// How often each block is read under Access::kRandRead: fio's --random_distribution.
struct RandomDistribution {
  /// 0: uniform, each block as often as any other. Above: Zipf, the n-th of the blocks, in an order of chance, with a probability
  /// in proportion to n^-theta. Below 10, and not 1.
  double zipf_theta = 0;

  friend bool operator==(const RandomDistribution&, const RandomDistribution&) = default;
};

/// What runs the kernel, if anything does.
enum class Runner { kNone, kCpu, kHip };

struct Job {
  std::string name = "bench";
  std::vector<std::string> volumes;  // each read in turn
  Access access = Access::kRead;
  RandomDistribution distribution;
  uint32_t min_block_bytes = 4096;  // both multiples of the volumes' blocks; sizes between them, each as often as any other
  uint32_t max_block_bytes = 4096;
  uint32_t iodepth = 1;  // reads in flight of each of the jobs
  uint32_t numjobs = 1;  // threads, each with a queue, buffers and, if there is one, a device of its own
  double runtime_seconds = 10;
  double ramp_seconds = 1;     // before it; nothing of that time is counted
  uint64_t offset_bytes = 0;   // what is read of each volume
  uint64_t size_bytes = 0;     // 0: to its end
  double rate_reads = 0;       // reads a second of each of the jobs, begun on a fixed schedule; 0: as fast as they end
  double rate_bytes = 0;       // the same in bytes; at most one of the two
  double steady_fraction = 0;  // the run ends when its last ten seconds' rates differ by less than this; 0: it does not
  ReadPath path = ReadPath::kPread;
  Runner runner = Runner::kNone;
  uint32_t gpu_index = 0;
  uint32_t workgroups = 0;         // of each job's device; 0: what is left of the processors
  std::string operation = "none";  // or "crc32c", "verify", "histogram"
  std::string pattern;             // of verify
  cli::BufferChoice buffer;
  std::optional<bool> huge_pages;  // nothing: if there are some
  bool poll_device = false;
  bool kernel_thread = false;
  uint32_t batch_submit = 1;     // reads that are gathered before they are handed to the kernel, at most iodepth
  uint32_t batch_complete = 1;   // ends that are waited for, at most iodepth
  std::vector<uint32_t> cpus;    // that the jobs' threads run on, one each in turn; none: wherever
  std::optional<uint32_t> numa;  // node of threads and buffers
  uint64_t seed = 1;
  uint32_t loop = 0;  // which of the --loops runs of this point it is
  // False with paths=all: where the path cannot be used, the run is a line that says why, and the others go on.
  bool path_is_demanded = true;

  friend bool operator==(const Job&, const Job&) = default;
};

}  // namespace penstock::bench
