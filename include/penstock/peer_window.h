// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows: buffers in the memory of PCI functions, GPUs above all, that the kernel module penstock_p2p keeps pinned and has made
// known to the kernel's direct I/O. What path `bar` reads into on a stock kernel. docs/p2p_window.md tells of the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/device_memory.h"
#include "penstock/export.h"
#include "penstock/file_descriptor.h"

namespace PENSTOCK_API penstock {

/// One window, as the module tells of it.
struct PeerWindow {
  /// Whether it can be used.
  enum class State {
    kPinned,
    kRevoked,  // the driver took the memory back: releasing it is all that is left
  };
  /// A part of one BAR.
  struct Piece {
    uint32_t bar = 0;           // number of the BAR
    uint64_t offset_bytes = 0;  // within the BAR
    uint64_t length_bytes = 0;  // of the piece
  };

  uint32_t number = 0;             // never used again after it was released
  State state = State::kPinned;    // whether it can be used
  std::string pci_address = {};    // "0000:41:00.0"
  uint64_t length_bytes = 0;       // of all pieces together
  uint32_t mapping_count = 0;      // in all processes
  std::vector<Piece> pieces = {};  // in the order of the buffer

  /// It can be mapped and read into.
  bool is_pinned() const { return state == State::kPinned; }
};

/// The module, by its device node. Windows belong to nobody: they outlive this object and the process that made them.
/// Movable. Threads: any; every call is a system call.
class PeerWindows {
 public:
  /// The module's device node.
  static constexpr char kNode[] = "/dev/penstock_p2p";

  /// One call to the module, as ioctl: 0, or the negative errno. `argument` is the request's structure.
  using Call = std::function<int(int fd, unsigned long request, void* argument)>;

  /// Errors: FailedPrecondition: the module is not loaded, or speaks another version than this library; PermissionDenied: neither
  /// root nor a member of its group; Unavailable.
  static absl::StatusOr<PeerWindows> Open(const std::string& node = kNode);
  /// Through `call` instead of ioctl: for tests. `fd` is what windows are mapped from. Errors: as Open.
  static absl::StatusOr<PeerWindows> OpenWith(FileDescriptor fd, Call call);

  /// Every window of this machine, by number. Errors: Unavailable; Internal: the module answers nonsense.
  absl::StatusOr<std::vector<PeerWindow>> List() const;
  /// Errors: NotFound; as List.
  absl::StatusOr<PeerWindow> Find(uint32_t number) const;

  /// Makes a window of a dma-buf in the memory of a PCI function; its number. Neither the descriptor nor this process is needed
  /// for it to live. Errors: InvalidArgument, FailedPrecondition, NotFound, ResourceExhausted, Unimplemented, Unavailable: every
  /// refusal of the module with its remedy (docs/errors.md).
  absl::StatusOr<uint32_t> Reserve(int dma_buf, const std::string& pci_address) const;
  /// A new descriptor of the window's dma-buf, for a device to import. Errors: NotFound; FailedPrecondition: it is revoked.
  absl::StatusOr<FileDescriptor> Export(uint32_t number) const;
  /// Ends the window, waits until reads into it have ended, unpins and forgets it. Errors: NotFound; FailedPrecondition: it is
  /// mapped; Unavailable: a signal came meanwhile, and the window ends by itself.
  absl::Status Release(uint32_t number) const;

  /// Maps the first `bytes` of a window, nothing: all of it. Byte 0 of the mapping is byte 0 of the buffer. The mapping does not
  /// need this object. Errors: NotFound; FailedPrecondition: it is revoked; InvalidArgument: not whole pages; OutOfRange;
  /// Unavailable.
  absl::StatusOr<DeviceMemory> Map(uint32_t number, std::optional<size_t> bytes = std::nullopt) const;

 private:
  struct Found;

  PeerWindows(FileDescriptor fd, Call call) : fd_(std::move(fd)), call_(std::move(call)) {}
  absl::StatusOr<std::optional<Found>> Query(uint32_t at_least) const;
  absl::StatusOr<Found> FindWithOffset(uint32_t number) const;

  FileDescriptor fd_;
  Call call_;
};

/// The window that --buffer=window:N means; without a number the only pinned one that there is. Errors: NotFound: there is none,
/// or none of this number; InvalidArgument: there are several, and which; FailedPrecondition: it is revoked.
absl::StatusOr<PeerWindow> ChooseWindow(absl::Span<const PeerWindow> windows, std::optional<uint32_t> number);

}  // namespace penstock
