// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_identify.h"

#include <endian.h>
#include <libnvme.h>

#include <cstring>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/nvme_status.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

static_assert(sizeof(nvme_id_ns) == sizeof(IdentifyPage));
static_assert(sizeof(nvme_id_ctrl) == sizeof(IdentifyPage));
static_assert(sizeof(nvme_smart_log) == sizeof(SmartLogPage));

/// MDTS counts in units of CAP.MPSMIN, a register in the controller's BAR that user space cannot read while the kernel's driver
/// has it. Every controller that works with Linux on x86-64 allows pages of 4 KiB, so MPSMIN is at most that, and nobody has
/// built one with less than the smallest that can be expressed, which is 4 KiB too.
constexpr uint64_t kMinimumPageBytes = 4096;
constexpr uint8_t kSmallestBlockShift = 9;  // NVM Command Set Specification 1.0, figure "LBA Format Data Structure"
constexpr uint8_t kLargestBlockShift = 20;
constexpr uint64_t kLargestOffset = std::numeric_limits<int64_t>::max();

template <size_t kSize>
std::string Trimmed(const char (&field)[kSize]) {
  // Padded with spaces; emulated controllers pad with zeros too.
  const absl::string_view text(field, strnlen(field, kSize));
  return std::string(absl::StripAsciiWhitespace(text));
}

/// The low half of a 128-bit number, least significant byte first.
uint64_t Low64(const uint8_t (&bytes)[16]) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

/// "Name: a sentence", or one of libnvme's words for not knowing.
absl::string_view StatusSentence(uint16_t number) {
  // libnvme 3 has other names for its own functions, and a header that no earlier one has.
#if __has_include(<nvme/lib-types.h>)
  return libnvme_status_to_string(number, /*fabrics=*/false);
#else
  return nvme_status_to_string(number, /*fabrics=*/false);
#endif
}

/// Which LBA format the namespace has: bits 0-3 of FLBAS, and bits 5-6 above them where it may have more than 16 (NULBAF).
size_t FormatIndex(const nvme_id_ns& id) {
  const size_t low = id.flbas & 0xf;
  const size_t high = id.flbas >> 5 & 3;
  // A controller from before NVMe 2.0 has at most 16 formats, and leaves the upper bits to whatever its firmware holds there.
  return id.nlbaf + size_t{id.nulbaf} < 16 ? low : high << 4 | low;
}

}  // namespace

absl::Status ParseIdentifyNamespace(const IdentifyPage& page, std::string_view name, NvmeNamespace& into) {
  nvme_id_ns id;
  std::memcpy(&id, page.data(), sizeof(id));
  const nvme_lbaf& format = id.lbaf[FormatIndex(id)];
  const uint8_t shift = format.ds;
  // A size that no file offset can express comes from a controller whose other answers are not to be trusted either.
  const bool has_size = le64toh(id.nsze) != 0 && shift <= kLargestBlockShift && le64toh(id.nsze) <= kLargestOffset >> shift;
  if (!has_size || shift < kSmallestBlockShift) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        What(absl::StrCat(std::string(name), " says that it has ", le64toh(id.nsze), " blocks of 2^", int{shift}, " bytes")),
        Fix("attach and format the namespace (nvme attach-ns, nvme format) before it is read"));
  }
  into.block_bytes = 1u << shift;
  into.block_count = le64toh(id.nsze);
  into.metadata_bytes = le16toh(format.ms);
  into.metadata_interleaved = into.metadata_bytes != 0 && (id.flbas & NVME_NS_FLBAS_META_EXT) != 0;
  return absl::OkStatus();
}

void ParseIdentifyController(const IdentifyPage& page, NvmeController& into) {
  nvme_id_ctrl id;
  std::memcpy(&id, page.data(), sizeof(id));
  into.model = Trimmed(id.mn);
  into.serial = Trimmed(id.sn);
  into.firmware = Trimmed(id.fr);
  // 0 is no limit; a limit of 2^51 pages and more is none either.
  into.max_transfer_bytes = id.mdts == 0 || id.mdts > 50 ? 0 : kMinimumPageBytes << id.mdts;
}

NvmeReadCounters ParseSmartLog(const SmartLogPage& page) {
  nvme_smart_log log;
  std::memcpy(&log, page.data(), sizeof(log));
  return {.host_read_commands = Low64(log.host_reads), .data_units_read = Low64(log.data_units_read)};
}

std::string NvmeStatusText(uint16_t raw) {
  const NvmeStatus status = DecodeNvmeStatus(raw);
  const absl::string_view sentence = StatusSentence(status.number());
  const absl::string_view name = sentence.substr(0, sentence.find(':'));
  if (!name.empty() && name != "unrecognized" && name != "Unknown status") return std::string(name);
  return absl::StrCat("status code 0x", absl::Hex(status.code), " of type ", int{status.type});
}

}  // namespace penstock::driver
