// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `penstock window check` prints: for people, and to be pasted into an issue.
#pragma once

#include <optional>
#include <string>

#include "benchmarks/cli/device_choice.h"
#include "penstock/host_facts.h"
#include "penstock/nvme.h"
#include "penstock/peer_window.h"
#include "penstock/window_check.h"

namespace penstock::cli {

struct WindowCheckReport {
  HostFacts host = {};
  PeerWindow window = {};
  std::string volume = {};
  std::optional<NvmeNamespace> nvme = {};
  std::string device = {};  // empty: nobody looked from the device's side
  std::optional<DeviceRefusal> device_refusal = {};
  WindowCheck check = {};
};

/// A few lines of what there is, one for each place, and the result.
std::string FormatWindowCheck(const WindowCheckReport& report);

/// One JSON object, as docs/ingest.md describes it.
std::string FormatWindowCheckJson(const WindowCheckReport& report);

}  // namespace penstock::cli
