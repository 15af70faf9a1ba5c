// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What io_latency is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "penstock/read_path.h"

namespace penstock::io_latency {

struct Options {
  std::string volume;
  uint32_t read_bytes = 4096;
  uint32_t depth = 32;
  uint32_t requests = 20'000;  // of each round
  uint32_t rounds = 5;         // beside one before, which is not counted
  ReadPath path = ReadPath::kRead;
  uint32_t workgroups = 1;
  uint32_t seed = 1;
  bool json = false;
  bool help = false;

  static constexpr uint32_t kMaxDepth = 4096;
  static constexpr uint32_t kMaxRequests = 10'000'000;  // of which each takes some 100 bytes
  static constexpr uint64_t kMaxReadBytes = 256u << 20;
  static constexpr uint64_t kMaxPoolBytes = uint64_t{16} << 30;  // of the pump's 2 x depth buffers
};

std::string HelpText();

/// `words`: the command line without the program's name. Errors: InvalidArgument.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& words);

}  // namespace penstock::io_latency
