// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel module penstock_p2p as PeerWindows sees it: windows in a file, and errors as scripted.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "driver/kernel/penstock_p2p/penstock_p2p.h"
#include "penstock/peer_window.h"

namespace penstock::fakes {

/// Outlives the PeerWindows that it is opened as.
class FakeWindowModule {
 public:
  struct Window {
    uint64_t length = 0;
    uint64_t mmap_offset = 0;  // in the file
    uint32_t state = PENSTOCK_P2P_PINNED;
    penstock_p2p_function function = {0, 0x4100};
    uint32_t mapping_count = 0;
    std::vector<penstock_p2p_piece> pieces = {};  // none: one piece of BAR 0
  };

  absl::StatusOr<PeerWindows> TryOpen() {
    return PeerWindows::OpenWith(FileDescriptor(fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)),
                                 [this](int, unsigned long request, void* argument) { return Answer(request, argument); });
  }
  PeerWindows Open() {
    absl::StatusOr<PeerWindows> windows = TryOpen();
    EXPECT_TRUE(windows.ok()) << windows.status();
    return *std::move(windows);
  }

  /// Room for a window in the file.
  void Add(uint32_t number, Window window) {
    file_bytes_ = std::max(file_bytes_, window.mmap_offset + window.length);
    EXPECT_EQ(ftruncate(file_.get(), static_cast<off_t>(file_bytes_)), 0);
    windows.insert_or_assign(number, std::move(window));
  }
  int file() const { return file_.get(); }

  std::map<uint32_t, Window> windows;
  uint32_t version = PENSTOCK_P2P_VERSION;
  std::map<unsigned long, int> errors;                // by request: the errno that it ends with
  int interruptions = 0;                              // of the next calls to release a window
  bool ends_when_interrupted = false;                 // the window is gone after the last of these
  std::optional<penstock_p2p_reserve> last_reserve;   // what was asked for
  std::optional<penstock_p2p_query> scripted_answer;  // what every query is answered with

 private:
  int Answer(unsigned long request, void* argument) {
    if (request == PENSTOCK_P2P_RELEASE && interruptions > 0) {
      if (--interruptions == 0 && ends_when_interrupted) windows.erase(static_cast<penstock_p2p_release*>(argument)->window);
      return -EINTR;
    }
    if (const auto error = errors.find(request); error != errors.end()) return -error->second;
    switch (request) {
      case PENSTOCK_P2P_GET_VERSION: *static_cast<uint32_t*>(argument) = version; return 0;
      case PENSTOCK_P2P_QUERY: return Query(*static_cast<penstock_p2p_query*>(argument));
      case PENSTOCK_P2P_RESERVE: return Reserve(*static_cast<penstock_p2p_reserve*>(argument));
      case PENSTOCK_P2P_EXPORT: return Export(*static_cast<penstock_p2p_export*>(argument));
      case PENSTOCK_P2P_RELEASE: return windows.erase(static_cast<penstock_p2p_release*>(argument)->window) == 1 ? 0 : -ENOENT;
      default: return -ENOTTY;
    }
  }

  int Query(penstock_p2p_query& query) {
    if (scripted_answer.has_value()) {
      query = *scripted_answer;
      return 0;
    }
    const auto found = windows.lower_bound(query.window);
    if (found == windows.end()) return -ENOENT;
    const Window& window = found->second;
    query = {};
    query.window = found->first;
    query.state = window.state;
    query.function = window.function;
    query.length = window.length;
    query.mmap_offset = window.mmap_offset;
    query.mapping_count = window.mapping_count;
    query.piece[0] = {0, 0, 0, window.length};
    query.piece_count = window.pieces.empty() ? 1 : static_cast<uint32_t>(window.pieces.size());
    std::copy(window.pieces.begin(), window.pieces.end(), query.piece);
    return 0;
  }

  int Reserve(penstock_p2p_reserve& reserve) {
    last_reserve = reserve;
    reserve.window = windows.empty() ? 0 : windows.rbegin()->first + 1;
    Add(reserve.window, {.length = 1 << 21, .mmap_offset = file_bytes_, .function = reserve.function});
    return 0;
  }

  int Export(penstock_p2p_export& exported) {
    if (windows.count(exported.window) == 0) return -ENOENT;
    exported.dma_buf = fcntl(file_.get(), F_DUPFD_CLOEXEC, 0);
    return 0;
  }

  FileDescriptor file_{memfd_create("windows", MFD_CLOEXEC)};
  uint64_t file_bytes_ = 0;
};

}  // namespace penstock::fakes
