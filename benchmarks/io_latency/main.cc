// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the time of a kernel's own reads goes, beside the pump at the same depth and size.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/io_latency/options.h"
#include "benchmarks/io_latency/report.h"
#include "benchmarks/io_latency/runs.h"
#include "penstock/error.h"
#include "penstock/volume.h"

namespace penstock::io_latency {
namespace {

/// The two take turns, and who goes first alternates, so that drift of the machine hits both.
absl::StatusOr<std::unique_ptr<Results>> Measure(const Options& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const Volume volume, Volume::Open(options.volume));
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<uint64_t> offsets, RandomOffsets(options, volume));
  auto results = std::make_unique<Results>();
  for (uint32_t round = 0; round <= options.rounds; ++round) {
    const bool counts = round > 0;  // The first one warms up whatever there is to warm up.
    for (const bool is_kernel : {round % 2 == 0, round % 2 != 0}) {
      if (is_kernel) {
        PENSTOCK_ASSIGN_OR_RETURN(const KernelRun run, RunKernel(options, volume, offsets));
        if (counts) results->Add(run);
      } else {
        PENSTOCK_ASSIGN_OR_RETURN(const PumpedRun run, RunPumped(options, volume, offsets));
        if (counts) results->Add(run);
      }
    }
  }
  return results;
}

int Fail(const absl::Status& status, int exit_status) {
  std::fprintf(stderr, "io_latency: %s\n", std::string(status.message()).c_str());
  return exit_status;
}

int Run(const std::vector<std::string>& words) {
  const absl::StatusOr<Options> options = ParseOptions(words);
  if (!options.ok()) return Fail(options.status(), 2);
  if (options->help) {
    std::fputs(HelpText().c_str(), stdout);
    return 0;
  }
  const absl::StatusOr<std::unique_ptr<Results>> results = Measure(*options);
  if (!results.ok()) return Fail(results.status(), 1);
  std::fputs((options->json ? FormatJson(*options, **results) : FormatText(*options, **results)).c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace penstock::io_latency

int main(int argc, char** argv) { return penstock::io_latency::Run({argv + 1, argv + argc}); }
