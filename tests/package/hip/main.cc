// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Prints the CRC-32C of a file, made on a GPU, or on the CPU where that cannot be used. Usage: checksum FILE
#include <cstdio>
#include <string>

#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/hip_device.h"
#include "penstock/ingest.h"

absl::StatusOr<std::unique_ptr<penstock::Device>> MakeGpuDevice();

absl::StatusOr<uint32_t> ChecksumOf(const std::string& file) {
  absl::StatusOr<std::unique_ptr<penstock::Device>> device = MakeGpuDevice();
  if (!device.ok()) {
    std::fprintf(stderr, "on the CPU, since: %s\n", device.status().ToString().c_str());
    device = penstock::MakeCpuDevice({});
  }
  PENSTOCK_RETURN_IF_ERROR(device.status());
  const auto operation = penstock::MakeCrc32cOperation();
  PENSTOCK_ASSIGN_OR_RETURN(const penstock::IngestReport report, penstock::Ingest(**device, {file}, *operation, {}));
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
