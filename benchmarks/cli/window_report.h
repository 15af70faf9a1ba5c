// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `penstock window` prints, and what `penstock probe` prints of windows.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "penstock/peer_window.h"

namespace penstock::cli {

/// "1: 1.00 GiB of 0000:c1:00.0, BAR 0 at 0x40000000, not mapped, --buffer=window:1".
std::string FormatWindow(const PeerWindow& window);

/// A line for each, for people.
std::string FormatWindows(absl::Span<const PeerWindow> windows);

/// One JSON object, as docs/ingest.md describes it.
std::string FormatWindowsJson(absl::Span<const PeerWindow> windows);

}  // namespace penstock::cli
