// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_identify.h"

#include <endian.h>
#include <libnvme.h>

#include <cerrno>
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
constexpr uint64_t kMaxCommandBlocks = 65536;  // NLB has 16 bits and counts from 0
constexpr uint8_t kSmallestBlockShift = 9;     // NVM Command Set Specification 1.0, figure "LBA Format Data Structure"
constexpr uint8_t kLargestBlockShift = 20;
constexpr uint64_t kLargestOffset = std::numeric_limits<int64_t>::max();
constexpr uint32_t kReadTimeoutMs = 30'000;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

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

/// Which LBA format the namespace has: bits 0-3 of FLBAS, and bits 5-6 above them where it may have more than 16 (NULBAF).
size_t FormatIndex(const nvme_id_ns& id) {
  const size_t low = id.flbas & 0xf;
  const size_t high = id.flbas >> 5 & 3;
  // A controller from before NVMe 2.0 has at most 16 formats, and leaves the upper bits to whatever its firmware holds there.
  return id.nlbaf + size_t{id.nulbaf} < 16 ? low : high << 4 | low;
}

absl::Status ErrnoError(int error_number, const NvmeNode& node, absl::string_view act) {
  const What what(absl::StrCat(act, " of ", View(node.name), " failed"));
  switch (error_number) {
    case EACCES:
    case EPERM:
      return MakeErrnoError(absl::StatusCode::kPermissionDenied, error_number, what,
                            Fix("run as root; from kernel 6.2 on read access to the node is enough to identify and read it "
                                "(docs/paths.md), the log page always needs root"));
    case ENOTTY:
      return MakeErrnoError(absl::StatusCode::kInvalidArgument, error_number, what,
                            Fix("name a node of an NVMe namespace: /dev/ngXnY or /dev/nvmeXnY"));
    case ENODEV:
    case ENXIO:
      return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, what,
                            Fix("look in the kernel log (dmesg) why the controller is gone, and open the volume again"));
    case EINVAL:
      return MakeErrnoError(absl::StatusCode::kInvalidArgument, error_number, what,
                            Fix("send fewer bytes with one command than queue/max_hw_sectors_kb of the block device allows, to "
                                "the namespace of this node"));
    case EINTR:
      return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, what,
                            Fix("look in the kernel log (dmesg) why the controller was reset, and try again"));
    default:
      return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, what,
                            Fix("look in the kernel log (dmesg) for the controller"));
  }
}

/// Of a call of libnvme's that has just returned.
absl::Status StatusOf(int result, const NvmeNode& node, absl::string_view act) {
  return NvmeAnswer(result, errno, node, std::string_view(act.data(), act.size()));
}

absl::Status CheckRead(const NvmeNode& node, const NvmeNamespace& space, uint64_t first_block, uint64_t bytes) {
  const uint64_t count = space.block_bytes == 0 ? 0 : bytes / space.block_bytes;
  if (space.metadata_bytes != 0) {
    // Without a place for it, the controller would write separate metadata to address 0, and interleaved data is not the data.
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        What(absl::StrCat("the blocks of ", View(node.name), " have ", space.metadata_bytes, " bytes of metadata each")),
        Fix("use path read, or format the namespace without metadata"));
  }
  if (count == 0 || count > kMaxCommandBlocks || bytes % space.block_bytes != 0) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        What(absl::StrCat("a read of ", bytes, " bytes of ", View(node.name), ", whose blocks have ", space.block_bytes)),
        Fix("read 1 to 65536 whole blocks"));
  }
  if (space.max_command_bytes != 0 && bytes > space.max_command_bytes) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        What(absl::StrCat("a read of ", bytes, " bytes of ", View(node.name), " is more than one command can carry")),
        Fix(absl::StrCat("read at most ", space.max_command_bytes, " bytes with one command")));
  }
  if (first_block > space.block_count || count > space.block_count - first_block) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat(count, " blocks from block ", first_block, " of ", View(node.name),
                                       " on go past its end, which is ", space.block_count)),
                     Fix("read within the size of the volume"));
  }
  return absl::OkStatus();
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
        What(absl::StrCat(View(name), " says that it has ", le64toh(id.nsze), " blocks of 2^", int{shift}, " bytes")),
        Fix("attach and format the namespace (nvme attach-ns, nvme format) before it is read"));
  }
  into.block_bytes = 1u << shift;
  into.block_count = le64toh(id.nsze);
  into.metadata_bytes = le16toh(format.ms);
  into.metadata_interleaved = into.metadata_bytes != 0 && (id.flbas & NVME_NS_FLBAS_META_EXT) != 0;
  return absl::OkStatus();
}

absl::Status NvmeAnswer(int result, int error_number, const NvmeNode& node, std::string_view act) {
  if (result < 0) return ErrnoError(error_number, node, View(act));
  const NvmeStatus status = DecodeNvmeStatus(static_cast<uint16_t>(result));
  if (status.ok()) return absl::OkStatus();
  const NvmeMeaning meaning = MeaningOfNvmeStatus(status);
  return MakeNvmeError(meaning.code, status.raw,
                       What(absl::StrCat(View(act), " of ", View(node.name), " failed: ", meaning.name)), Fix(meaning.fix));
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

absl::Status IdentifyNamespace(const NvmeNode& node, NvmeNamespace& into) {
  uint32_t id = 0;
  PENSTOCK_RETURN_IF_ERROR(StatusOf(nvme_get_nsid(node.fd, &id), node, "asking for the namespace number"));
  alignas(4096) IdentifyPage page{};
  const int result = nvme_identify_ns(node.fd, id, reinterpret_cast<nvme_id_ns*>(page.data()));
  PENSTOCK_RETURN_IF_ERROR(StatusOf(result, node, "identifying the namespace"));
  PENSTOCK_RETURN_IF_ERROR(ParseIdentifyNamespace(page, node.name, into));
  into.id = id;
  return absl::OkStatus();
}

absl::Status IdentifyController(const NvmeNode& node, NvmeController& into) {
  alignas(4096) IdentifyPage page{};
  const int result = nvme_identify_ctrl(node.fd, reinterpret_cast<nvme_id_ctrl*>(page.data()));
  PENSTOCK_RETURN_IF_ERROR(StatusOf(result, node, "identifying the controller"));
  ParseIdentifyController(page, into);
  return absl::OkStatus();
}

absl::StatusOr<NvmeReadCounters> ReadCounters(const NvmeNode& node) {
  alignas(4096) SmartLogPage page{};
  const int result = nvme_get_log_smart(node.fd, NVME_NSID_ALL, false, reinterpret_cast<nvme_smart_log*>(page.data()));
  PENSTOCK_RETURN_IF_ERROR(StatusOf(result, node, "reading the SMART log"));
  return ParseSmartLog(page);
}

absl::Status ReadBlocks(const NvmeNode& node, const NvmeNamespace& space, uint64_t first_block, absl::Span<std::byte> into) {
  PENSTOCK_RETURN_IF_ERROR(CheckRead(node, space, first_block, into.size()));
  nvme_io_args arguments{};
  arguments.args_size = sizeof(arguments);
  arguments.fd = node.fd;
  arguments.timeout = kReadTimeoutMs;
  arguments.nsid = space.id;
  arguments.slba = first_block;
  arguments.nlb = static_cast<uint16_t>(into.size() / space.block_bytes - 1);
  arguments.data = into.data();
  arguments.data_len = static_cast<uint32_t>(into.size());
  const std::string act = absl::StrCat("reading ", into.size(), " bytes at offset ", first_block * space.block_bytes);
  return StatusOf(nvme_read(&arguments), node, act);
}

std::string NvmeStatusText(uint16_t raw) {
  const NvmeStatus status = DecodeNvmeStatus(raw);
  const absl::string_view text(nvme_status_to_string(status.number(), /*fabrics=*/false));
  // "Name: a sentence", or one of its words for not knowing.
  const absl::string_view name = text.substr(0, text.find(':'));
  if (!name.empty() && name != "unrecognized" && name != "Unknown status") return std::string(name);
  return absl::StrCat("status code 0x", absl::Hex(status.code), " of type ", int{status.type});
}

}  // namespace penstock::driver
