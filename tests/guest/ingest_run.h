// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One ingest of a guest's disks on the CPU device, and what is to be said of every one.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "penstock/ingest.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {

absl::StatusOr<IngestReport> IngestCrc32c(const std::vector<std::string>& sources, const IngestOptions& options);

/// The same, fetched by the kernel itself.
absl::StatusOr<IngestReport> PullCrc32c(const std::vector<std::string>& sources, const IngestOptions& options);

/// The options that read by this path; for `bar` with buffers in the memory of the controller MEMORY.
IngestOptions By(ReadPath path, uint32_t chunk_bytes = 64 * 1024, uint32_t depth = 8);

/// Reads the disks by the nodes given: every byte is right, came by `options.path`, and the controllers say so too. Returns the
/// report.
IngestReport ExpectWhole(const std::vector<Disk>& disks, const std::vector<std::string>& nodes, const IngestOptions& options);

/// The controllers have executed just the commands that this process sent past the block layer, or just those that the block
/// layer sent. Requires: all of the report went by one path, and nobody else has read.
void ExpectTheControllersAgree(const IngestReport& report);

/// In words: the path that ran, whether it delivered, and why other paths did not run; or the error.
std::string Story(const Disk& disk, const std::string& node, const IngestOptions& options);

/// Every read that was started has ended, once.
void ExpectEveryReadEndedOnce(const IngestReport& report);

/// Name of a parameter of a suite that is run for several paths.
inline std::string PathParameter(const testing::TestParamInfo<ReadPath>& path) { return std::string(ReadPathName(path.param)); }

}  // namespace penstock::guest
