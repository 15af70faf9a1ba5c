// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A window in the BAR of the function that is nothing but one, by the module penstock_exporter; and the whole BAR as its owner
// sees it, which is not through the window.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "penstock/buffer_pool.h"
#include "penstock/ingest.h"
#include "penstock/peer_window.h"
#include "tests/guest/exporters.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {

inline constexpr uint64_t kMebibyte = 1 << 20;
inline constexpr uint64_t kBarBytes = 64 * kMebibyte;

/// The whole BAR, by its file in sysfs.
class WholeBar {
 public:
  explicit WholeBar(const std::string& pci_address);
  ~WholeBar();
  WholeBar(const WholeBar&) = delete;
  WholeBar& operator=(const WholeBar&) = delete;

  /// Fills all of it with bytes that tell their place.
  void Mark();
  /// The first place outside of these parts whose mark is gone; kBarBytes if there is none.
  uint64_t FirstChangeOutside(const std::vector<BarPiece>& parts) const;
  absl::Span<std::byte> bytes() const { return bytes_; }

 private:
  absl::Span<std::byte> bytes_;
};

/// Path bar into this window.
IngestOptions IntoWindow(const PeerWindows& windows, uint32_t window, uint32_t chunk_bytes = 64 * 1024, uint32_t depth = 8);

/// Of every case: the exporter is bound, no window is there; at the end none is left and the exporter has everything back.
class WindowTest : public testing::Test {
 protected:
  struct Made {
    uint32_t number = 0;
    TestExporter::Buffer buffer;
  };

  WindowTest();
  ~WindowTest() override;

  /// A window of a buffer of these parts; a failure of the test if it is refused.
  Made Make(const std::vector<BarPiece>& pieces, Behaviour behaviour = {});
  /// Why there is no window of it; OK if there is one now.
  absl::Status Refusal(const std::vector<BarPiece>& pieces, Behaviour behaviour = {}, const std::string& pci_address = "");
  const std::string& pci_address() const { return exporter_.pci_address(); }

  TestExporter exporter_;
  PeerWindows windows_;
};

}  // namespace penstock::guest
