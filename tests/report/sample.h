// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Results that tests make up: what differs from an ordinary run is what the test is about.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "benchmarks/report/result_file.h"

namespace penstock::report {

/// A run on `path` of 4 KiB at depth 8: 100,000 reads a second, 80 us each of which 70 are at the device.
inline RunRecord SampleRun(const std::string& path = "nvme", uint64_t depth = 8, double iops = 100e3) {
  RunRecord run;
  run.job.path = path;
  run.job.access = "randread";
  run.job.distribution = "uniform";
  run.job.min_block_bytes = run.job.max_block_bytes = 4096;
  run.job.iodepth = depth;
  run.job.numjobs = 1;
  run.job.device = "none";
  run.job.operation = "none";
  run.job.buffer = "pinned";
  run.seconds = 10;
  run.reads = iops * 10;
  run.bytes = run.reads * 4096;
  run.iops = iops;
  run.bytes_per_second = iops * 4096;
  run.processor.ns_per_read = 1000;
  const double mean = 1e9 * static_cast<double>(depth) / iops;
  run.total = {run.reads, mean, mean / 2, mean, mean * 1.5, mean * 2, mean * 3, mean * 4, mean * 5};
  const std::array<double, bench::kStageCount> means = {2000, mean - 10000, 3000, 1000, 3000, 1000};
  for (size_t i = 0; i < bench::kStageCount; ++i) {
    run.stage.of[i] = run.total;
    run.stage.of[i]->mean = means[i];
  }
  run.proof.agrees = true;
  return run;
}

inline Result SampleResult(std::vector<RunRecord> runs, std::string name = "sample") {
  Result result;
  result.name = std::move(name);
  result.version = "0.1.0";
  result.git_revision = "abc";
  result.started = "2026-11-21T22:00:00Z";
  result.command_line = {"penstock", "bench"};
  result.environment = {{"kernel", "7.0"},
                        {"cpu", {{"model", "M"}, {"processors", 8}, {"numa_nodes", 1}, {"governor", "performance"}}}};
  result.runs = std::move(runs);
  return result;
}

/// The text of a file beside the tests.
inline std::string TextOf(const std::string& name) {
  std::ifstream file(std::string(PENSTOCK_REPORT_SAMPLES) + "/" + name);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace penstock::report
