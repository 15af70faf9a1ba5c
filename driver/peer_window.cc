// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/peer_window.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "driver/kernel/penstock_p2p/penstock_p2p.h"
#include "driver/mapping.h"
#include "driver/pci_address.h"
#include "driver/peer_window_error.h"
#include "driver/rounding.h"
#include "penstock/error.h"

namespace penstock {
namespace {

using driver::kPageBytes;

int CallModule(int fd, unsigned long request, void* argument) { return ioctl(fd, request, argument) == 0 ? 0 : -errno; }

absl::Status NonsenseError(uint32_t number) {
  return MakeError(
      absl::StatusCode::kInternal,
      What(absl::StrCat("the kernel module penstock_p2p describes window ", number, " in a way that makes no sense")),
      Fix("install the module and the program from the same release of Penstock, or report it as a bug"));
}

absl::StatusOr<PeerWindow> WindowOf(const penstock_p2p_query& query) {
  if (query.piece_count > PENSTOCK_P2P_MAX_PIECES) return NonsenseError(query.window);
  PeerWindow window;
  window.number = query.window;
  // A state that is not known is not one to read into.
  window.state = query.state == PENSTOCK_P2P_PINNED ? PeerWindow::State::kPinned : PeerWindow::State::kRevoked;
  window.pci_address = driver::PciAddress{query.function.domain, query.function.address}.ToString();
  window.length_bytes = query.length;
  window.mapping_count = query.mapping_count;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < query.piece_count; ++i) {
    const penstock_p2p_piece& piece = query.piece[i];
    window.pieces.push_back({piece.bar, piece.offset, piece.length});
    bytes += piece.length;
  }
  if (window.is_pinned() && bytes != window.length_bytes) return NonsenseError(query.window);
  return window;
}

std::string Numbers(absl::Span<const PeerWindow> windows) {
  return absl::StrJoin(windows, ", ", [](std::string* text, const PeerWindow& window) { absl::StrAppend(text, window.number); });
}

}  // namespace

struct PeerWindows::Found {
  PeerWindow window;
  uint64_t mmap_offset = 0;
};

absl::StatusOr<PeerWindows> PeerWindows::Open(const std::string& node) {
  FileDescriptor fd(open(node.c_str(), O_RDWR | O_CLOEXEC));
  if (fd.get() < 0) return driver::WindowNodeError(errno, node);
  return OpenWith(std::move(fd), CallModule);
}

absl::StatusOr<PeerWindows> PeerWindows::OpenWith(FileDescriptor fd, Call call) {
  uint32_t version = 0;
  // Whoever does not even know this question is not the module.
  if (call(fd.get(), PENSTOCK_P2P_GET_VERSION, &version) != 0) version = 0;
  if (version != PENSTOCK_P2P_VERSION) return driver::WindowVersionError(version);
  return PeerWindows(std::move(fd), std::move(call));
}

/// The window of the lowest number that is not less than `at_least`; nothing if there is none.
absl::StatusOr<std::optional<PeerWindows::Found>> PeerWindows::Query(uint32_t at_least) const {
  penstock_p2p_query query = {};
  query.window = at_least;
  const int result = call_(fd_.get(), PENSTOCK_P2P_QUERY, &query);
  if (result == -ENOENT) return std::optional<Found>();
  if (result != 0) return driver::WindowCallError(-result, "look at", at_least);
  if (query.window < at_least) return NonsenseError(query.window);  // and asking on would never end
  PENSTOCK_ASSIGN_OR_RETURN(PeerWindow window, WindowOf(query));
  return std::optional<Found>(Found{std::move(window), query.mmap_offset});
}

absl::StatusOr<std::vector<PeerWindow>> PeerWindows::List() const {
  std::vector<PeerWindow> windows;
  for (uint32_t next = 0;;) {
    PENSTOCK_ASSIGN_OR_RETURN(std::optional<Found> found, Query(next));
    if (!found.has_value()) break;
    next = found->window.number + 1;
    windows.push_back(std::move(found->window));
    if (next == 0) break;  // that was the last number there is
  }
  return windows;
}

absl::StatusOr<PeerWindows::Found> PeerWindows::FindWithOffset(uint32_t number) const {
  PENSTOCK_ASSIGN_OR_RETURN(std::optional<Found> found, Query(number));
  if (!found.has_value() || found->window.number != number) return driver::WindowCallError(ENOENT, "find", number);
  return *std::move(found);
}

absl::StatusOr<PeerWindow> PeerWindows::Find(uint32_t number) const {
  PENSTOCK_ASSIGN_OR_RETURN(Found found, FindWithOffset(number));
  return std::move(found.window);
}

absl::StatusOr<uint32_t> PeerWindows::Reserve(int dma_buf, const std::string& pci_address) const {
  PENSTOCK_ASSIGN_OR_RETURN(const driver::PciAddress address, driver::ParsePciAddress(pci_address));
  penstock_p2p_reserve reserve = {};
  reserve.dma_buf = dma_buf;
  reserve.function = {address.domain, address.bus_device_function};
  const int result = call_(fd_.get(), PENSTOCK_P2P_RESERVE, &reserve);
  if (result != 0) return driver::WindowReserveError(-result, pci_address);
  return reserve.window;
}

absl::StatusOr<FileDescriptor> PeerWindows::Export(uint32_t number) const {
  penstock_p2p_export exported = {};
  exported.window = number;
  exported.dma_buf = -1;
  const int result = call_(fd_.get(), PENSTOCK_P2P_EXPORT, &exported);
  if (result != 0) return driver::WindowCallError(-result, "export", number);
  return FileDescriptor(exported.dma_buf);
}

absl::Status PeerWindows::Release(uint32_t number) const {
  penstock_p2p_release release = {};
  release.window = number;
  // The call waits for the window's end. What a thread's own io_uring has to tell it ends a wait like a signal does; the window
  // goes on ending.
  constexpr int kMostInterruptions = 100;
  int result = call_(fd_.get(), PENSTOCK_P2P_RELEASE, &release);
  const bool is_interrupted = result == -EINTR;
  for (int i = 0; result == -EINTR && i < kMostInterruptions; ++i) {
    result = call_(fd_.get(), PENSTOCK_P2P_RELEASE, &release);
  }
  if (is_interrupted && result == -ENOENT) result = 0;  // it ended in between
  return result == 0 ? absl::OkStatus() : driver::WindowCallError(-result, "release", number);
}

absl::StatusOr<DeviceMemory> PeerWindows::Map(uint32_t number, std::optional<size_t> bytes) const {
  PENSTOCK_ASSIGN_OR_RETURN(const Found found, FindWithOffset(number));
  const PeerWindow& window = found.window;
  if (!window.is_pinned()) return driver::WindowRevokedError(number);
  const size_t length = bytes.value_or(window.length_bytes);
  if (length == 0 || length % kPageBytes != 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat(length, " bytes of a window are no whole pages")),
                     Fix(absl::StrCat("ask for a multiple of ", kPageBytes, " bytes")));
  }
  if (length > window.length_bytes) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat("window ", number, " has ", window.length_bytes, " bytes, not ", length)),
                     Fix("map less of it, or reserve a larger window"));
  }
  std::shared_ptr<void> owner = driver::MapShared(fd_.get(), length, found.mmap_offset);
  if (owner == nullptr) return driver::WindowCallError(errno, "map", number);
  return driver::MappedMemory(std::move(owner), length, absl::StrCat("window ", number, " of ", window.pci_address));
}

absl::StatusOr<PeerWindow> ChooseWindow(absl::Span<const PeerWindow> windows, std::optional<uint32_t> number) {
  std::vector<PeerWindow> candidates;
  std::copy_if(windows.begin(), windows.end(), std::back_inserter(candidates),
               [&](const PeerWindow& window) { return number.has_value() ? window.number == *number : window.is_pinned(); });
  if (candidates.empty()) {
    return MakeError(absl::StatusCode::kNotFound,
                     What(number.has_value() ? absl::StrCat("there is no window ", *number)
                                             : std::string("there is no window that is pinned")),
                     Fix("look with penstock window list, and make one with penstock window reserve"));
  }
  if (candidates.size() > 1) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("there are ", candidates.size(), " windows: ", Numbers(candidates))),
                     Fix(absl::StrCat("name one of them, as --buffer=window:", candidates.front().number)));
  }
  if (!candidates.front().is_pinned()) return driver::WindowRevokedError(candidates.front().number);
  return candidates.front();
}

}  // namespace penstock
