// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run prints.
#pragma once

#include <optional>
#include <string>

#include "benchmarks/cli/command_line.h"
#include "benchmarks/cli/device_choice.h"
#include "penstock/ingest.h"

namespace penstock::cli {

/// What ran the kernel.
struct DeviceReport {
  std::string name;
  u32 workgroups = 0;
  std::optional<DeviceRefusal> refusal;  // as ChosenDevice
};

struct RunReport {
  DeviceReport device;
  IngestReport ingest;
};

/// A short table for people.
std::string FormatReport(const CommandLine& line, const RunReport& run);

/// One JSON object, as docs/ingest.md describes it. Names that are no UTF-8 have their odd bytes replaced.
std::string FormatReportJson(const CommandLine& line, const RunReport& run);

}  // namespace penstock::cli
