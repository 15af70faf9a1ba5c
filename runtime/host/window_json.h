// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A window as every JSON report has it.
#pragma once

#include <nlohmann/json.hpp>

#include "penstock/peer_window.h"

namespace penstock::host {

inline nlohmann::ordered_json WindowJson(const PeerWindow& window) {
  nlohmann::ordered_json json = {{"number", window.number},
                                 {"state", window.is_pinned() ? "pinned" : "revoked"},
                                 {"pci_address", window.pci_address},
                                 {"length_bytes", window.length_bytes},
                                 {"mapping_count", window.mapping_count}};
  json["piece"] = nlohmann::ordered_json::array();
  for (const PeerWindow::Piece& piece : window.pieces) {
    json["piece"].push_back({{"bar", piece.bar}, {"offset_bytes", piece.offset_bytes}, {"length_bytes", piece.length_bytes}});
  }
  return json;
}

}  // namespace penstock::host
