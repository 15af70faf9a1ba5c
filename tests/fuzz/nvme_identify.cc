// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pages that a controller answers with: any bytes are parsed or refused, and what is accepted can be computed with.
#include <string_view>

#include "driver/nvme_identify.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "tests/fuzz/input.h"

namespace penstock::driver {
namespace {

template <typename Page>
Page PageOf(std::string_view bytes) {
  Page page{};
  bytes.copy(reinterpret_cast<char*>(page.data()), page.size());
  return page;
}

void CheckNamespace(const IdentifyPage& page) {
  NvmeNamespace space;
  const absl::Status status = ParseIdentifyNamespace(page, "/dev/ng0n1", space);
  if (!status.ok()) {
    PENSTOCK_CHECK(!RemedyOf(status).empty() && space.block_bytes == 0);
    return;
  }
  PENSTOCK_CHECK(space.block_count != 0 && space.block_bytes >= 512 && space.block_bytes <= 1u << 20);
  PENSTOCK_CHECK((space.block_bytes & (space.block_bytes - 1)) == 0);
  // Its size in bytes is a number.
  PENSTOCK_CHECK(space.block_count <= UINT64_MAX / space.block_bytes);
  PENSTOCK_CHECK(!space.metadata_interleaved || space.metadata_bytes != 0);
}

void CheckController(const IdentifyPage& page) {
  NvmeController controller;
  ParseIdentifyController(page, controller);
  PENSTOCK_CHECK(controller.serial.size() <= 20 && controller.model.size() <= 40 && controller.firmware.size() <= 8);
  PENSTOCK_CHECK(controller.max_transfer_bytes % 4096 == 0);
}

}  // namespace
}  // namespace penstock::driver

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock::driver;
  penstock::fuzz::Input input(data, size);
  switch (input.Byte() % 3) {
    case 0: CheckNamespace(PageOf<IdentifyPage>(input.rest())); break;
    case 1: CheckController(PageOf<IdentifyPage>(input.rest())); break;
    default: ParseSmartLog(PageOf<SmartLogPage>(input.rest()));
  }
  return 0;
}
