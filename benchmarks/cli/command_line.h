// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command line of `penstock`: what the user asked for, checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/cli/buffer_choice.h"
#include "benchmarks/cli/window_line.h"
#include "penstock/read_path.h"

namespace penstock::cli {

enum class Command { kIngest, kProbe, kWindow };

/// What runs the kernel; of a GPU CommandLine::gpu_index tells which.
enum class DeviceKind { kAuto, kCpu, kHip };

struct CommandLine {
  bool help = false;
  bool version = false;
  Command command = Command::kIngest;
  std::vector<std::string> sources;  // ingest: files, directories and devices; probe: files and devices, none for all namespaces
  std::string operation;
  std::vector<std::string> patterns;
  std::optional<ReadPath> path;
  BufferChoice buffer;
  bool pull = false;           // the kernel fetches the bytes by itself
  bool poll_device = false;    // --iopoll
  bool kernel_thread = false;  // --sqpoll
  uint32_t chunk_bytes = 0;
  uint32_t depth = 0;
  uint64_t offset_bytes = 0;             // of every source
  std::optional<uint64_t> length_bytes;  // nullopt: to the end
  std::optional<uint64_t> shuffle_seed;  // --order=random; nullopt: in the order of the bytes
  DeviceKind device = DeviceKind::kAuto;
  uint32_t gpu_index = 0;
  uint32_t workgroups = 0;  // 0: what the device takes of itself
  bool slot_times = false;  // DeviceOptions::slot_times; there is no option for it
  double read_timeout_seconds = 0;
  bool json = false;
  double dump_ring_seconds = 0;  // 0: never
  WindowRequest window;          // of the command window
};

/// Errors: InvalidArgument, with what is allowed.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, char** argv);

/// What `penstock --help` prints.
std::string HelpText();

}  // namespace penstock::cli
