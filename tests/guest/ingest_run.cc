// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/ingest_run.h"

#include <memory>

#include "penstock/cpu_device.h"
#include "penstock/pull.h"

namespace penstock::guest {

absl::StatusOr<IngestReport> IngestCrc32c(const std::vector<std::string>& sources, const IngestOptions& options) {
  absl::StatusOr<std::unique_ptr<Device>> device = MakeCpuDevice<device::Program<>>({});
  if (!device.ok()) return device.status();
  const std::unique_ptr<Operation> operation = MakeCrc32cOperation();
  return Ingest(**device, sources, *operation, options);
}

absl::StatusOr<IngestReport> PullCrc32c(const std::vector<std::string>& sources, const IngestOptions& options) {
  CpuDeviceOptions device_options;
  device_options.io_queues = 1;
  absl::StatusOr<std::unique_ptr<Device>> device = MakeCpuDevice<device::Program<>>(device_options);
  if (!device.ok()) return device.status();
  return Pull(**device, sources, *MakeCrc32cOperation(), options);
}

IngestOptions By(ReadPath path, uint32_t chunk_bytes, uint32_t depth) {
  IngestOptions options;
  options.path = path;
  if (path == ReadPath::kBar) options.make_pool = PeerMemoryPools(DiskOf("MEMORY").pci_address);
  options.chunk_bytes = chunk_bytes;
  options.depth = depth;
  return options;
}

void ExpectTheControllersAgree(const IngestReport& report) {
  ASSERT_EQ(report.paths.size(), 1u);
  const PathReport& path = report.paths[0];
  ASSERT_FALSE(report.controllers.empty());
  uint64_t executed = 0;
  uint64_t from_block_layer = 0;
  for (const ControllerCounts& counts : report.controllers) {
    EXPECT_TRUE(counts.status.ok()) << counts.status;
    executed += counts.read_commands;
    from_block_layer += counts.block_layer_reads;
  }
  switch (path.path) {
    case ReadPath::kBar:
    case ReadPath::kNvme:
      EXPECT_GT(path.commands, 0u);
      EXPECT_EQ(executed, path.commands);
      EXPECT_EQ(from_block_layer, 0u);
      break;
    case ReadPath::kRead:
      EXPECT_EQ(path.commands, 0u);
      EXPECT_GT(from_block_layer, 0u);
      // Linux counts a read of a batch after it has told of its end (blk_mq_end_request_batch): the probe's may be counted late.
      EXPECT_NEAR(static_cast<double>(executed), static_cast<double>(from_block_layer), 1);
      break;
    case ReadPath::kPread: EXPECT_EQ(path.commands, 0u); break;  // what the page cache had was not read
  }
}

void ExpectEveryReadEndedOnce(const IngestReport& report) {
  for (const PathReport& path : report.paths) {
    EXPECT_EQ(path.reads.submitted, path.reads.completed + path.reads.failed) << ReadPathName(path.path);
  }
}

IngestReport ExpectWhole(const std::vector<Disk>& disks, const std::vector<std::string>& nodes, const IngestOptions& options) {
  absl::StatusOr<IngestReport> report = IngestCrc32c(nodes, options);
  if (!report.ok() || report->sources.size() != disks.size()) {
    ADD_FAILURE() << report.status();
    return {};
  }
  EXPECT_TRUE(report->status.ok()) << report->status;
  uint64_t bytes = 0;
  for (size_t i = 0; i < disks.size(); ++i) {
    const SourceReport& source = report->sources[i];
    EXPECT_EQ(source.path, options.path) << nodes[i];
    EXPECT_EQ(source.bytes, disks[i].bytes) << nodes[i];
    EXPECT_EQ(source.result.crc32c, disks[i].crc32c) << nodes[i];
    bytes += disks[i].bytes;
  }
  EXPECT_EQ(report->bounce_bytes, options.path == ReadPath::kPread ? bytes : 0);
  EXPECT_EQ(report->reads.failed, 0u);
  ExpectEveryReadEndedOnce(*report);
  return *std::move(report);
}

std::string Story(const Disk& disk, const std::string& node, const IngestOptions& options) {
  const absl::StatusOr<IngestReport> report = IngestCrc32c({node}, options);
  const absl::Status status = report.ok() ? report->status : report.status();
  if (!status.ok()) return std::string(status.message());
  const SourceReport& source = report->sources.at(0);
  std::string story(ReadPathName(source.path.value()));
  story += source.result.crc32c == disk.crc32c ? " all bytes" : " wrong bytes";
  for (const Refusal& refusal : source.refusals) {
    story += "; not " + std::string(ReadPathName(refusal.path)) + ": " + refusal.cause + ". Fix: " + refusal.remedy;
  }
  return story;
}

}  // namespace penstock::guest
