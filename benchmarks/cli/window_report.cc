// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/window_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/cli/byte_size.h"
#include "runtime/host/window_json.h"

namespace penstock::cli {
namespace {

std::string Times(uint32_t count) {
  if (count == 0) return "not mapped";
  return count == 1 ? "mapped once" : absl::StrCat("mapped ", count, " times");
}

std::string FormatPieces(const PeerWindow& window) {
  if (window.pieces.empty()) return "";
  const PeerWindow::Piece& first = window.pieces.front();
  if (window.pieces.size() == 1) return absl::StrFormat(", BAR %d at %#x", first.bar, first.offset_bytes);
  return absl::StrFormat(", %d pieces of BAR %d, the first at %#x", window.pieces.size(), first.bar, first.offset_bytes);
}

}  // namespace

std::string FormatWindow(const PeerWindow& window) {
  const std::string text =
      absl::StrCat(window.number, ": ", FormatBytes(static_cast<double>(window.length_bytes)), " of ", window.pci_address);
  if (!window.is_pinned()) return absl::StrCat(text, ", revoked: its driver took the memory back; only to be released");
  return absl::StrCat(text, FormatPieces(window), ", ", Times(window.mapping_count), ", --buffer=window:", window.number);
}

std::string FormatWindows(absl::Span<const PeerWindow> windows) {
  if (windows.empty()) return "no window is reserved\n";
  std::string text;
  for (const PeerWindow& window : windows) absl::StrAppend(&text, "window ", FormatWindow(window), "\n");
  return text;
}

std::string FormatWindowsJson(absl::Span<const PeerWindow> windows) {
  nlohmann::ordered_json json = {{"version", PENSTOCK_VERSION}, {"window", nlohmann::ordered_json::array()}};
  for (const PeerWindow& window : windows) json["window"].push_back(host::WindowJson(window));
  return json.dump(2) + "\n";
}

}  // namespace penstock::cli
