// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_ioctl.h"

#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>

#include <bit>
#include <cerrno>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/nvme_command.h"
#include "driver/nvme_identify.h"
#include "driver/nvme_status.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

// NVMe Base Specification 2.0, 5.16 and 5.17.
constexpr uint8_t kGetLogPage = 0x02;
constexpr uint8_t kIdentify = 0x06;
constexpr uint32_t kOfNamespace = 0x00;   // CNS
constexpr uint32_t kOfController = 0x01;  // CNS
constexpr uint32_t kSmartLog = 0x02;      // LID
constexpr uint32_t kAllNamespaces = 0xffffffff;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status ErrnoError(int error_number, const NvmeNode& node, std::string_view act) {
  const What what(absl::StrCat(View(act), " of ", View(node.name), " failed"));
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

/// Of a call that has just returned.
absl::Status StatusOf(int result, const NvmeNode& node, std::string_view act) { return NvmeAnswer(result, errno, node, act); }

/// What of an admin command differs between those that fill a page.
struct Question {
  uint8_t opcode = 0;
  uint32_t nsid = 0;
  uint32_t cdw10 = 0;
};

/// Sends the admin command, which fills `page`; what ioctl(2) returns.
template <typename Page>
int Ask(const NvmeNode& node, const Question& question, Page& page) {
  nvme_passthru_cmd command = {};
  command.opcode = question.opcode;
  command.nsid = question.nsid;
  command.cdw10 = question.cdw10;
  command.addr = reinterpret_cast<uintptr_t>(page.data());
  command.data_len = sizeof(page);
  return ioctl(node.fd, NVME_IOCTL_ADMIN_CMD, &command);
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
  const uint64_t most = space.max_command_bytes != 0 ? space.max_command_bytes : std::numeric_limits<uint32_t>::max();
  if (bytes > most) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        What(absl::StrCat("a read of ", bytes, " bytes of ", View(node.name), " is more than one command can carry")),
        Fix(absl::StrCat("read at most ", most, " bytes with one command")));
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

absl::Status NvmeAnswer(int result, int error_number, const NvmeNode& node, std::string_view act) {
  if (result < 0) return ErrnoError(error_number, node, act);
  const NvmeStatus status = DecodeNvmeStatus(static_cast<uint16_t>(result));
  if (status.ok()) return absl::OkStatus();
  const NvmeMeaning meaning = MeaningOfNvmeStatus(status);
  return MakeNvmeError(meaning.code, status.raw,
                       What(absl::StrCat(View(act), " of ", View(node.name), " failed: ", meaning.name)), Fix(meaning.fix));
}

absl::Status IdentifyNamespace(const NvmeNode& node, NvmeNamespace& into) {
  // The number is what is returned; -1 would be the one that means every namespace.
  const int id = ioctl(node.fd, NVME_IOCTL_ID);
  if (id == -1) return StatusOf(id, node, "asking for the namespace number");
  alignas(4096) IdentifyPage page{};
  const int result = Ask(node, {.opcode = kIdentify, .nsid = static_cast<uint32_t>(id), .cdw10 = kOfNamespace}, page);
  PENSTOCK_RETURN_IF_ERROR(StatusOf(result, node, "identifying the namespace"));
  PENSTOCK_RETURN_IF_ERROR(ParseIdentifyNamespace(page, node.name, into));
  into.id = static_cast<uint32_t>(id);
  return absl::OkStatus();
}

absl::Status IdentifyController(const NvmeNode& node, NvmeController& into) {
  alignas(4096) IdentifyPage page{};
  const int result = Ask(node, {.opcode = kIdentify, .cdw10 = kOfController}, page);
  PENSTOCK_RETURN_IF_ERROR(StatusOf(result, node, "identifying the controller"));
  ParseIdentifyController(page, into);
  return absl::OkStatus();
}

absl::StatusOr<NvmeReadCounters> ReadCounters(const NvmeNode& node) {
  alignas(4096) SmartLogPage page{};
  constexpr uint32_t kLastWord = sizeof(page) / sizeof(uint32_t) - 1;  // NUMDL counts from 0
  const int result = Ask(node, {.opcode = kGetLogPage, .nsid = kAllNamespaces, .cdw10 = kLastWord << 16 | kSmartLog}, page);
  PENSTOCK_RETURN_IF_ERROR(StatusOf(result, node, "reading the SMART log"));
  return ParseSmartLog(page);
}

absl::Status ReadBlocks(const NvmeNode& node, const NvmeNamespace& space, uint64_t first_block, absl::Span<std::byte> into) {
  PENSTOCK_RETURN_IF_ERROR(CheckRead(node, space, first_block, into.size()));
  const NvmeExtent extent{.offset_bytes = first_block * space.block_bytes, .length_bytes = static_cast<uint32_t>(into.size())};
  // io_uring's command is this one, but for the last word, which is the result's.
  auto command = std::bit_cast<nvme_passthru_cmd>(MakeCommand(Direction::kRead, space, extent, into.data()));
  const std::string act = absl::StrCat("reading ", into.size(), " bytes at offset ", extent.offset_bytes);
  return StatusOf(ioctl(node.fd, NVME_IOCTL_IO_CMD, &command), node, act);
}

}  // namespace penstock::driver
