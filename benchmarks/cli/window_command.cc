// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/window_command.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/cli/gpu.h"
#include "benchmarks/cli/window_report.h"
#include "penstock/error.h"
#include "penstock/peer_window.h"

namespace penstock::cli {
namespace {

absl::StatusOr<std::string> List(const CommandLine& line, const PeerWindows& module) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<PeerWindow> windows, module.List());
  return line.json ? FormatWindowsJson(windows) : FormatWindows(windows);
}

absl::StatusOr<std::string> Reserve(const CommandLine& line, const PeerWindows& module) {
  PENSTOCK_ASSIGN_OR_RETURN(const uint32_t number, ReserveGpuWindow(line.gpu_index, line.window.size_bytes, module));
  PENSTOCK_ASSIGN_OR_RETURN(const PeerWindow window, module.Find(number));
  return line.json ? FormatWindowsJson({&window, 1}) : absl::StrCat("reserved ", FormatWindows({&window, 1}));
}

absl::StatusOr<std::string> Release(const CommandLine& line, const PeerWindows& module) {
  PENSTOCK_RETURN_IF_ERROR(module.Release(*line.window.number));
  return absl::StrCat("released window ", *line.window.number, "\n");
}

absl::StatusOr<std::string> Run(const CommandLine& line) {
  PENSTOCK_ASSIGN_OR_RETURN(const PeerWindows module, PeerWindows::Open());
  switch (line.window.action) {
    case WindowAction::kList: return List(line, module);
    case WindowAction::kReserve: return Reserve(line, module);
    case WindowAction::kRelease: return Release(line, module);
    case WindowAction::kCheck: break;
  }
  return MakeError(absl::StatusCode::kUnimplemented, What("penstock window check is not there yet"),
                   Fix("use penstock probe, which reads into every window"));
}

}  // namespace

int RunWindow(const CommandLine& line) {
  const absl::StatusOr<std::string> text = Run(line);
  if (!text.ok()) {
    absl::FPrintF(stderr, "penstock: %s\n", std::string(text.status().message()));
    return 1;
  }
  std::fwrite(text->data(), 1, text->size(), stdout);
  return 0;
}

}  // namespace penstock::cli
