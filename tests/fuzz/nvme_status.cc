// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any status of a command and any answer of an ioctl: each is a success, or an error with a name and a remedy.
#include "driver/nvme_status.h"

#include "driver/nvme_identify.h"
#include "driver/nvme_ioctl.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "penstock/volume.h"
#include "tests/fuzz/input.h"

namespace penstock::driver {
namespace {

void CheckError(const absl::Status& status) {
  PENSTOCK_CHECK(!status.ok() && !status.message().empty() && !RemedyOf(status).empty());
}

/// For its name.
const Volume& AnyVolume() {
  static const absl::StatusOr<Volume>* const kVolume = new absl::StatusOr<Volume>(Volume::Open("/proc/self/exe"));
  PENSTOCK_CHECK(kVolume->ok());
  return **kVolume;
}

void CheckStatus(uint16_t raw, fuzz::Input& input) {
  const NvmeStatus status = DecodeNvmeStatus(raw);
  PENSTOCK_CHECK(status.number() == (raw & 0x7ff) && status.raw == (raw & 0x7fff));
  PENSTOCK_CHECK(status.do_not_retry == ((raw & 0x4000) != 0) && status.more == ((raw & 0x2000) != 0));
  PENSTOCK_CHECK(!NvmeStatusText(raw).empty());
  if (status.ok()) return;
  const NvmeMeaning meaning = MeaningOfNvmeStatus(status);
  PENSTOCK_CHECK(!meaning.name.empty() && !meaning.fix.empty() && meaning.code != absl::StatusCode::kOk);
  PENSTOCK_CHECK(!meaning.may_retry || !status.do_not_retry);
  const Extent extent = {.volume = AnyVolume(), .offset_bytes = input.Take<uint64_t>(), .length_bytes = input.Take<uint32_t>()};
  const absl::Status error = NvmeReadError(raw, kReadPaths[input.Byte() % kReadPaths.size()], extent);
  CheckError(error);
  PENSTOCK_CHECK(NvmeStatusOf(error) == status.raw);
}

}  // namespace
}  // namespace penstock::driver

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock::driver;
  penstock::fuzz::Input input(data, size);
  while (!input.empty()) {
    CheckStatus(input.Take<uint16_t>(), input);
    const int result = input.Take<int>();
    const absl::Status status = NvmeAnswer(result, input.Byte(), {-1, "/dev/ng0n1"}, "identifying the namespace");
    if (result < 0) CheckError(status);
    if (!status.ok()) CheckError(status);
  }
  return 0;
}
