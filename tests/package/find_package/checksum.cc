// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program of somebody else's: streams a file through the kernel, and prints its CRC-32C. Usage: checksum FILE
#include <cstdio>
#include <string>

#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/ingest.h"

absl::StatusOr<uint32_t> ChecksumOf(const std::string& file) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto device, penstock::MakeCpuDevice({}));
  const auto operation = penstock::MakeCrc32cOperation();
  PENSTOCK_ASSIGN_OR_RETURN(const penstock::IngestReport report, penstock::Ingest(*device, {file}, *operation, {}));
  PENSTOCK_RETURN_IF_ERROR(report.status);
  return report.sources.front().result.crc32c.value();
}

int main(int argc, char** argv) {
  const absl::StatusOr<uint32_t> checksum = ChecksumOf(argc == 2 ? argv[1] : "");
  if (!checksum.ok()) {
    std::fprintf(stderr, "checksum: %s\n", checksum.status().ToString().c_str());
    return 1;
  }
  std::printf("%08x\n", *checksum);
}
