// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the options of `penstock bench` ask for: lists where lists may be given, before a grid is made of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "benchmarks/bench/job.h"
#include "penstock/read_path.h"

namespace penstock::bench {

/// One entry of --bs: a size, or sizes from one to another.
struct BlockSizes {
  uint32_t min_bytes = 4096;
  uint32_t max_bytes = 4096;

  friend bool operator==(const BlockSizes&, const BlockSizes&) = default;
};

enum class OutputFormat { kNormal, kJson, kCsv };

/// One section of a job file, or a command line without one.
struct JobOptions {
  Job job;  // what is the same all over the grid
  std::vector<Access> accesses = {Access::kRead};
  std::vector<BlockSizes> block_sizes = {BlockSizes()};
  std::vector<uint32_t> iodepths = {1};
  std::vector<uint32_t> numjobs = {1};
  std::vector<ReadPath> paths = {kReadPaths.begin(), kReadPaths.end()};
  bool all_paths = true;  // they were not named: those that cannot be used are only reported
};

/// What is asked for once, of all runs.
struct RunOptions {
  uint32_t loops = 1;
  std::string output;  // a file; empty: standard output
  OutputFormat output_format = OutputFormat::kNormal;
  std::string metrics;  // a file, or 127.0.0.1:PORT; empty: none
};

}  // namespace penstock::bench
