// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/peer_window_error.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "driver/kernel/penstock_p2p/penstock_p2p.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

using absl::StatusCode;

/// It is the function's or the kernel's fault, whatever the buffer. OK: it is not.
absl::Status FunctionError(int error_number, const std::string& refused) {
  switch (error_number) {
    case ENODEV:
      return MakeErrnoError(StatusCode::kNotFound, error_number, What(absl::StrCat(refused, ": there is no such PCI function")),
                            Fix("look for its address with lspci -D"));
    case EPERM:
      return MakeErrnoError(
          StatusCode::kFailedPrecondition, error_number,
          What(absl::StrCat(refused, ": it is a virtual function, and its BAR is a part of another function's")),
          Fix("use the memory of a physical function: a whole GPU, not a share of one"));
    case EUNATCH:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(refused, ": no driver is bound to it, so nobody exports its memory")),
                            Fix("load its driver (modprobe amdgpu), and allocate the buffer through that"));
    case EOPNOTSUPP:
      return MakeErrnoError(StatusCode::kUnimplemented, error_number,
                            What(absl::StrCat(refused, ": this kernel has no peer-to-peer memory")),
                            Fix("use a kernel that is built with CONFIG_PCI_P2PDMA=y"));
    case EEXIST:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number, What(absl::StrCat(refused, ": it has one already")),
                            Fix("use that one (penstock window list), or release it first (penstock window release)"));
    case EADDRINUSE:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(refused, ": somebody else has registered its memory for peers")),
                            Fix("do without what has: for a GPU, use the kernel's own amdgpu instead of AMD's separate driver"));
    default: return absl::OkStatus();
  }
}

/// It is about the buffer. OK: it is not.
absl::Status BufferError(int error_number, const std::string& refused) {
  switch (error_number) {
    case EBADF:
      return MakeErrnoError(StatusCode::kInvalidArgument, error_number,
                            What(absl::StrCat(refused, ": the descriptor is not open, or no dma-buf")),
                            Fix("export the buffer first (HIP: hipMemGetHandleForAddressRange), and hand in what that returns"));
    case ECONNREFUSED:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(refused, ": its driver does not let peers reach the buffer, or cannot pin it")),
                            Fix("look in the kernel log (dmesg) for the driver's error, and allocate the buffer in the GPU's own "
                                "memory, on a GPU that the other device can reach"));
    case EXDEV:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(refused, ": the buffer lies outside its BARs, in system memory for one")),
                            Fix("name the function that the buffer belongs to, and allocate it where that has memory to spare"));
    case EFBIG:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(refused, ": the buffer is larger than any of its BARs")),
                            Fix("switch on resizable BARs in the firmware (Above 4G Decoding, Re-Size BAR), or reserve less"));
    case ERANGE:
      return MakeErrnoError(StatusCode::kInvalidArgument, error_number,
                            What(absl::StrCat(refused, ": a piece of the buffer does not begin or end at a multiple of 2 MiB")),
                            Fix("allocate a multiple of 2 MiB, contiguous where the allocator can be asked for that"));
    case E2BIG:
      return MakeErrnoError(StatusCode::kResourceExhausted, error_number,
                            What(absl::StrCat(refused, ": the buffer lies in more than ", PENSTOCK_P2P_MAX_PIECES, " pieces")),
                            Fix("reserve less, or sooner after the driver was loaded, before its memory is in small pieces"));
    case EADDRNOTAVAIL:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat(refused, ": the buffer overlaps the place of an earlier window")),
                            Fix("allocate another buffer while this one is still there, or bind the function's driver anew, "
                                "which gives all places back"));
    case ESTALE:
      return MakeErrnoError(StatusCode::kUnavailable, error_number,
                            What(absl::StrCat(refused, ": its driver took the buffer back meanwhile")), Fix("reserve it again"));
    case ENOMEM:
      return MakeErrnoError(StatusCode::kResourceExhausted, error_number,
                            What(absl::StrCat(refused, ": there is no memory to describe its pages with")),
                            Fix("reserve less, or free memory of this host: 64 bytes for each 4 KiB of a window"));
    default: return absl::OkStatus();
  }
}

}  // namespace

absl::Status WindowNodeError(int error_number, const std::string& node) {
  switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number,
                            What(absl::StrCat("the kernel module penstock_p2p is not loaded: ", node, " is not there")),
                            Fix("load it (modprobe penstock_p2p), or install it first (docs/p2p_window.md)"));
    case EACCES:
    case EPERM:
      return MakeErrnoError(StatusCode::kPermissionDenied, error_number, What(absl::StrCat("cannot open ", node)),
                            Fix("run as root, or as a member of the group that the node belongs to (ls -l); in a container pass "
                                "the node in (--device)"));
    default:
      return MakeErrnoError(StatusCode::kUnavailable, error_number, What(absl::StrCat("cannot open ", node)),
                            Fix("look in the kernel log (dmesg) for penstock_p2p"));
  }
}

absl::Status WindowVersionError(uint32_t version) {
  return MakeError(StatusCode::kFailedPrecondition,
                   What(absl::StrCat("the kernel module penstock_p2p speaks version ", version,
                                     " of its interface, this program ", PENSTOCK_P2P_VERSION)),
                   Fix("install the module and the program from the same release of Penstock"));
}

absl::Status WindowReserveError(int error_number, const std::string& pci_address) {
  const std::string refused = absl::StrCat("cannot reserve a window of ", pci_address);
  PENSTOCK_RETURN_IF_ERROR(FunctionError(error_number, refused));
  PENSTOCK_RETURN_IF_ERROR(BufferError(error_number, refused));
  return MakeErrnoError(StatusCode::kUnavailable, error_number, What(refused),
                        Fix("look in the kernel log (dmesg) for penstock_p2p"));
}

absl::Status WindowCallError(int error_number, const std::string& call, uint32_t number) {
  const std::string refused = absl::StrCat("cannot ", call, " window ", number);
  switch (error_number) {
    case ENOENT:
      return MakeErrnoError(StatusCode::kNotFound, error_number, What(absl::StrCat(refused, ": there is none of that number")),
                            Fix("look for its number with penstock window list"));
    case ESTALE: return WindowRevokedError(number);
    case EBUSY:
      return MakeErrnoError(StatusCode::kFailedPrecondition, error_number, What(absl::StrCat(refused, ": it is mapped")),
                            Fix("end the programs that use it (fuser -v /dev/penstock_p2p), then try again"));
    case EINTR:
      return MakeErrnoError(StatusCode::kUnavailable, error_number, What(absl::StrCat(refused, ": a signal came meanwhile")),
                            Fix("wait for reads into it to end, and look again with penstock window list"));
    default:
      return MakeErrnoError(StatusCode::kUnavailable, error_number, What(refused),
                            Fix("look in the kernel log (dmesg) for penstock_p2p"));
  }
}

absl::Status WindowRevokedError(uint32_t number) {
  return MakeErrnoError(StatusCode::kFailedPrecondition, ESTALE,
                        What(absl::StrCat("window ", number, " is revoked: the driver took its memory back")),
                        Fix("release it (penstock window release), and reserve a new one"));
}

}  // namespace penstock::driver
