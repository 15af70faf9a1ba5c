// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/window_command.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/cli/buffer_choice.h"
#include "benchmarks/cli/device_comparer.h"
#include "benchmarks/cli/standard_output.h"
#include "benchmarks/cli/window_check_report.h"
#include "benchmarks/cli/window_report.h"
#include "penstock/error.h"
#include "penstock/peer_window.h"
#include "penstock/survey.h"
#include "penstock/volume.h"
#include "penstock/window_check.h"
#include "runtime/host/gpus.h"

namespace penstock::cli {
namespace {

/// What goes to stdout, and what was found wrong.
struct Printed {
  std::string text;
  absl::Status status = absl::OkStatus();
};

absl::StatusOr<Printed> List(const CommandLine& line, const PeerWindows& module) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<PeerWindow> windows, module.List());
  return Printed{line.json ? FormatWindowsJson(windows) : FormatWindows(windows)};
}

absl::StatusOr<Printed> Reserve(const CommandLine& line, const PeerWindows& module) {
  PENSTOCK_ASSIGN_OR_RETURN(const uint32_t number, host::ReserveGpuWindow(line.gpu_index, line.window.size_bytes, module));
  PENSTOCK_ASSIGN_OR_RETURN(const PeerWindow window, module.Find(number));
  return Printed{line.json ? FormatWindowsJson({&window, 1}) : absl::StrCat("reserved ", FormatWindows({&window, 1}))};
}

absl::StatusOr<Printed> Release(const CommandLine& line, const PeerWindows& module) {
  PENSTOCK_RETURN_IF_ERROR(module.Release(*line.window.number));
  return Printed{absl::StrCat("released window ", *line.window.number, "\n")};
}

/// Of this name; without one the first NVMe namespace of this machine.
absl::StatusOr<Volume> OpenVolume(std::string name) {
  if (name.empty()) {
    const std::vector<std::string> names = NamesOfNamespaces();
    if (names.empty()) {
      return MakeError(absl::StatusCode::kNotFound, What("there is no NVMe namespace on this machine to read from"),
                       Fix("name a volume (--volume=/dev/ng0n1)"));
    }
    name = names.front();
  }
  return Volume::Open(name);
}

absl::StatusOr<Printed> Check(const CommandLine& line, const PeerWindows& module) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<PeerWindow> windows, module.List());
  WindowCheckReport report;
  PENSTOCK_ASSIGN_OR_RETURN(report.window, ChooseWindow(windows, line.window.number));
  PENSTOCK_ASSIGN_OR_RETURN(const Volume volume, OpenVolume(line.window.volume));
  PENSTOCK_ASSIGN_OR_RETURN(const DeviceMemory mapping, module.Map(report.window.number));
  report.host = ReadHostFacts();
  report.volume = volume.name();
  if (volume.nvme() != nullptr) report.nvme = *volume.nvme();
  PENSTOCK_ASSIGN_OR_RETURN(const ChosenComparer chosen, ChooseComparer(line, report.window.pci_address, [&](Device& device) {
                              return MapWindow(module, report.window.number, device);
                            }));
  report.device = chosen.comparer == nullptr ? "" : chosen.comparer->name();
  report.device_refusal = chosen.refusal;
  DeviceComparison compare;
  if (chosen.comparer != nullptr) {
    compare = [&](uint64_t offset_bytes, absl::Span<const std::byte> expected) {
      return chosen.comparer->Compare(offset_bytes, expected);
    };
  }
  PENSTOCK_ASSIGN_OR_RETURN(report.check, CheckWindow(report.window, mapping, volume, compare));
  return Printed{line.json ? FormatWindowCheckJson(report) : FormatWindowCheck(report), report.check.status};
}

absl::StatusOr<Printed> Run(const CommandLine& line) {
  PENSTOCK_ASSIGN_OR_RETURN(const PeerWindows module, PeerWindows::Open());
  switch (line.window.action) {
    case WindowAction::kList: return List(line, module);
    case WindowAction::kReserve: return Reserve(line, module);
    case WindowAction::kRelease: return Release(line, module);
    case WindowAction::kCheck: break;
  }
  return Check(line, module);
}

}  // namespace

int RunWindow(const CommandLine& line) {
  const absl::StatusOr<Printed> printed = Run(line);
  const int written = printed.ok() ? Print(printed->text) : 0;
  const absl::Status status = printed.ok() ? printed->status : printed.status();
  if (!status.ok()) absl::FPrintF(stderr, "penstock: %s\n", std::string(status.message()));
  return status.ok() ? written : 1;
}

}  // namespace penstock::cli
