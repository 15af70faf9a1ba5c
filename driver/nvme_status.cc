// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_status.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "driver/nvme_identify.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

using absl::StatusCode;

constexpr uint8_t kTypeCommand = 1;
constexpr uint8_t kTypeMedia = 2;
constexpr uint8_t kTypePath = 3;

/// Whether another try can help where the do-not-retry bit is clear.
enum class Retry { kHelps, kCannotHelp };

struct Row {
  uint16_t number;
  const char* name;
  StatusCode code;
  Retry retry;
  const char* fix;
};

constexpr char kOtherPath[] = "use path read, which leaves the command to the kernel";
constexpr char kLowerLoad[] = "lower the load on the volume, or try again";
constexpr char kDeviceLog[] = "look in the kernel log (dmesg) and the drive's log (nvme error-log) for the controller";
constexpr char kReopen[] = "open the volume again; its namespace was detached or formatted meanwhile";
constexpr char kRestore[] = "restore the data from a copy, and look at the drive's health (nvme smart-log)";
constexpr char kReachable[] = "check that the controller can reach that memory (IOMMU, PCIe topology), or use path nvme or read";
constexpr char kWithinVolume[] = "stay within the size of the volume; open it again if it was resized";
constexpr char kRights[] = "unlock the range, or give this host the right to it";
constexpr char kReservation[] = "release the reservation of the other host, or register this one (nvme resv-report)";
constexpr char kErased[] = "wait until the drive is erased; its data will be gone";
constexpr char kConnection[] = "check the connection to the controller (dmesg, nvme list-subsys), and try again";
constexpr char kUnwritten[] = "write these blocks first, or turn the error off (nvme set-feature -f 5, DULBE)";
constexpr char kCapacity[] = "free capacity of the drive (blkdiscard what is not needed, nvme id-ns tells), then write again";
constexpr char kWriteProtected[] = "lift the namespace's write protection (nvme get-feature -f 0x84), or write to another one";
constexpr char kWriteFault[] = "look at the drive's health (nvme smart-log); what these blocks hold now is not known";
constexpr char kProtection[] = "use path read, and look at the namespace's protection settings (nvme id-ns)";

/// The statuses that a read or write can end in. NVMe Base Specification 2.0, 4.2.3, and NVM Command Set
/// Specification 1.0, 3.2.4.
constexpr auto kRows = std::to_array<Row>({
    {0x001, "Invalid Command Opcode", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kOtherPath},
    {0x002, "Invalid Field in Command", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x003, "Command ID Conflict", StatusCode::kUnavailable, Retry::kHelps, kDeviceLog},
    // The controller could not reach our memory. A transfer to a peer's BAR that the host bridge stops looks like this.
    {0x004, "Data Transfer Error", StatusCode::kUnavailable, Retry::kHelps, kReachable},
    {0x005, "Commands Aborted due to Power Loss Notification", StatusCode::kUnavailable, Retry::kHelps, kLowerLoad},
    {0x006, "Internal Error", StatusCode::kUnavailable, Retry::kHelps, kDeviceLog},
    {0x007, "Command Abort Requested", StatusCode::kUnavailable, Retry::kHelps, kLowerLoad},
    {0x008, "Command Aborted due to SQ Deletion", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    {0x00b, "Invalid Namespace or Format", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kReopen},
    {0x00d, "Invalid SGL Segment Descriptor", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x00e, "Invalid Number of SGL Descriptors", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x00f, "Data SGL Length Invalid", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x010, "Metadata SGL Length Invalid", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x011, "SGL Descriptor Type Invalid", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x012, "Invalid Use of Controller Memory Buffer", StatusCode::kInvalidArgument, Retry::kCannotHelp, kReachable},
    {0x013, "PRP Offset Invalid", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x015, "Operation Denied", StatusCode::kPermissionDenied, Retry::kCannotHelp, kRights},
    {0x016, "SGL Offset Invalid", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x01b, "Command Aborted due to Preempt and Abort", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kReservation},
    {0x01c, "Sanitize Failed", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kRestore},
    {0x01d, "Sanitize In Progress", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kErased},
    {0x01e, "SGL Data Block Granularity Invalid", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x020, "Namespace is Write Protected", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kWriteProtected},
    {0x021, "Command Interrupted", StatusCode::kUnavailable, Retry::kHelps, kLowerLoad},
    {0x022, "Transient Transport Error", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    {0x023, "Command Prohibited by Command and Feature Lockdown", StatusCode::kPermissionDenied, Retry::kCannotHelp, kRights},
    {0x080, "LBA Out of Range", StatusCode::kOutOfRange, Retry::kCannotHelp, kWithinVolume},
    {0x081, "Capacity Exceeded", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kCapacity},
    {0x082, "Namespace Not Ready", StatusCode::kUnavailable, Retry::kHelps, kDeviceLog},
    {0x083, "Reservation Conflict", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kReservation},
    // Formatting takes minutes, retries milliseconds.
    {0x084, "Format In Progress", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kErased},
    {0x180, "Conflicting Attributes", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x181, "Invalid Protection Information", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kProtection},
    {0x182, "Attempted Write to Read Only Range", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kWriteProtected},
    {0x183, "Command Size Limit Exceeded", StatusCode::kInvalidArgument, Retry::kCannotHelp, kOtherPath},
    {0x280, "Write Fault", StatusCode::kDataLoss, Retry::kHelps, kWriteFault},
    {0x281, "Unrecovered Read Error", StatusCode::kDataLoss, Retry::kHelps, kRestore},
    {0x282, "End-to-end Guard Check Error", StatusCode::kDataLoss, Retry::kCannotHelp, kRestore},
    {0x283, "End-to-end Application Tag Check Error", StatusCode::kDataLoss, Retry::kCannotHelp, kRestore},
    {0x284, "End-to-end Reference Tag Check Error", StatusCode::kDataLoss, Retry::kCannotHelp, kRestore},
    {0x286, "Access Denied", StatusCode::kPermissionDenied, Retry::kCannotHelp, kRights},
    {0x287, "Deallocated or Unwritten Logical Block", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kUnwritten},
    {0x288, "End-to-End Storage Tag Check Error", StatusCode::kDataLoss, Retry::kCannotHelp, kRestore},
    // All of these may go another way the next time: with several paths the kernel chooses anew for each command.
    {0x300, "Internal Path Error", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    {0x301, "Asymmetric Access Persistent Loss", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    {0x302, "Asymmetric Access Inaccessible", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    {0x303, "Asymmetric Access Transition", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    {0x360, "Controller Pathing Error", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    // The last two come from the kernel itself, when it resets or removes a controller.
    {0x370, "Host Pathing Error", StatusCode::kUnavailable, Retry::kHelps, kConnection},
    {0x371, "Command Aborted By Host", StatusCode::kUnavailable, Retry::kHelps, kConnection},
});

/// A status of the type that no row has. What a generic or vendor status hides is not known, so the caller stops; the retries
/// before that rest on the controller's word, which the do-not-retry bit is.
Row RowOfType(uint8_t type) {
  switch (type) {
    case kTypeCommand: return {0, "", StatusCode::kFailedPrecondition, Retry::kCannotHelp, kOtherPath};
    case kTypeMedia: return {0, "", StatusCode::kDataLoss, Retry::kHelps, kRestore};
    case kTypePath: return {0, "", StatusCode::kUnavailable, Retry::kHelps, kConnection};
    default: return {0, "", StatusCode::kDataLoss, Retry::kHelps, kDeviceLog};
  }
}

Row RowOf(const NvmeStatus& status) {
  for (const Row& row : kRows) {
    if (row.number == status.number()) return row;
  }
  return RowOfType(status.type);
}

}  // namespace

NvmeStatus DecodeNvmeStatus(uint16_t raw) {
  return {.code = static_cast<uint8_t>(raw & 0xff),
          .type = static_cast<uint8_t>(raw >> 8 & 7),
          .more = (raw >> 13 & 1) != 0,
          .do_not_retry = (raw >> 14 & 1) != 0,
          .raw = static_cast<uint16_t>(raw & 0x7fff)};
}

bool HasFailed(int32_t result) { return result < 0 || !DecodeNvmeStatus(static_cast<uint16_t>(result)).ok(); }

NvmeMeaning MeaningOfNvmeStatus(const NvmeStatus& status) {
  PENSTOCK_CHECK(!status.ok());
  const Row row = RowOf(status);
  return {.name = *row.name != '\0' ? row.name : NvmeStatusText(status.raw),
          .code = row.code,
          .fix = row.fix,
          .may_retry = row.retry == Retry::kHelps && !status.do_not_retry};
}

absl::Status NvmeReadError(uint16_t raw, ReadPath path, const Extent& extent) {
  const NvmeStatus status = DecodeNvmeStatus(raw);
  const NvmeMeaning meaning = MeaningOfNvmeStatus(status);
  return MakeNvmeError(meaning.code, status.raw,
                       What(absl::StrCat(ActOn(extent), " by path ", std::string(ReadPathName(path)), " failed: ", meaning.name)),
                       Fix(meaning.fix));
}

}  // namespace penstock::driver
