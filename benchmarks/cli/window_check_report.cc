// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/window_check_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "benchmarks/cli/byte_size.h"
#include "benchmarks/cli/window_report.h"
#include "penstock/error.h"
#include "runtime/host/error_json.h"
#include "runtime/host/or_null.h"
#include "runtime/host/window_json.h"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

void AppendLine(const char* name, const std::string& fact, std::string& text) {
  absl::StrAppendFormat(&text, "%-11s %s\n", name, fact);
}

/// The GPU that the window is in, if it is one.
const PciGpu* GpuOf(const WindowCheckReport& report) {
  const auto found = std::find_if(report.host.gpus.begin(), report.host.gpus.end(),
                                  [&](const PciGpu& gpu) { return gpu.pci_address == report.window.pci_address; });
  return found == report.host.gpus.end() ? nullptr : &*found;
}

void AppendHost(const WindowCheckReport& report, std::string& text) {
  const std::vector<std::string>& units = report.host.iommu.units;
  AppendLine("penstock", PENSTOCK_VERSION, text);
  AppendLine("kernel", absl::StrCat(report.host.kernel_release, ", IOMMU ", units.empty() ? "none" : absl::StrJoin(units, ", ")),
             text);
  AppendLine("window", FormatWindow(report.window), text);
  if (const PciGpu* const gpu = GpuOf(report); gpu != nullptr) {
    AppendLine("GPU", absl::StrFormat("%s: %04x:%04x, driver %s", gpu->pci_address, gpu->vendor, gpu->device, gpu->driver), text);
  }
  std::string volume = report.volume;
  if (report.nvme.has_value()) {
    const NvmeController& controller = report.nvme->controller;
    absl::StrAppend(&volume, ", ", controller.name, ": ", controller.model, ", firmware ", controller.firmware, ", PCI ",
                    controller.pci_address);
  }
  AppendLine("volume", volume, text);
  AppendLine("device", report.device.empty() ? "none: seen from the CPU's side only" : report.device, text);
  if (const std::optional<DeviceRefusal>& refusal = report.device_refusal; refusal.has_value()) {
    AppendLine("", absl::StrCat("not ", refusal->device, ": ", refusal->cause, ". Fix: ", refusal->remedy, "."), text);
  }
}

std::string CpuFinding(const PlaceCheck& place) {
  if (!place.are_neighbours_intact.has_value()) return "-";  // it did not come so far
  return place.first_difference.has_value() ? "WRONG" : "equal";
}

std::string Finding(const std::optional<bool>& right, const char* good, const char* bad) {
  if (!right.has_value()) return "-";
  return *right ? good : bad;
}

void AppendPlace(const PlaceCheck& place, std::string& text) {
  absl::StrAppendFormat(&text, "%#14x  %8s  %#14x  %-6s %-6s %s\n", place.place.offset_bytes,
                        FormatBytes(place.place.length_bytes), place.volume_offset_bytes, CpuFinding(place),
                        Finding(place.is_right_on_device, "equal", "WRONG"),
                        Finding(place.are_neighbours_intact, "untouched", "OVERWRITTEN"));
  if (!place.status.ok()) absl::StrAppend(&text, "                ", std::string(place.status.message()), "\n");
}

void AppendCounts(const WindowCheck& check, std::string& text) {
  AppendLine("sent", absl::StrCat(check.commands, " NVMe commands by path bar; compared with path ", check.compared_with), text);
  for (const ControllerCounts& counts : check.controllers) {
    const std::string counted = counts.status.ok() ? absl::StrCat("counted ", counts.read_commands, " read commands")
                                                   : absl::StrCat("does not tell its count: ", CauseOf(counts.status));
    AppendLine("controller",
               absl::StrCat(counts.controller.name, " ", counted, "; the block layer sent ", counts.block_layer_reads), text);
  }
}

Json PlaceJson(const PlaceCheck& place) {
  Json json = {{"window_offset_bytes", place.place.offset_bytes},
               {"length_bytes", place.place.length_bytes},
               {"volume_offset_bytes", place.volume_offset_bytes}};
  json["first_difference"] = host::OrNull(place.first_difference);
  json["untouched_bytes"] = place.untouched_bytes;
  json["right_on_device"] = host::OrNull(place.is_right_on_device);
  json["neighbours_intact"] = host::OrNull(place.are_neighbours_intact);
  json["error"] = host::ErrorJson(place.status);
  return json;
}

Json ControllerJson(const ControllerCounts& counts) {
  Json json = {{"name", counts.controller.name}};
  json["read_commands"] = counts.status.ok() ? Json(counts.read_commands) : Json(nullptr);
  json["block_layer_reads"] = counts.block_layer_reads;
  json["error"] = host::ErrorJson(counts.status);
  return json;
}

Json VolumeJson(const WindowCheckReport& report) {
  Json json = {{"name", report.volume}, {"controller", nullptr}};
  if (!report.nvme.has_value()) return json;
  const NvmeController& controller = report.nvme->controller;
  json["controller"] = {{"name", controller.name},
                        {"pci_address", controller.pci_address},
                        {"model", controller.model},
                        {"firmware", controller.firmware}};
  return json;
}

Json GpuJson(const PciGpu* gpu) {
  if (gpu == nullptr) return nullptr;
  return {{"vendor", absl::StrFormat("%04x", gpu->vendor)},
          {"device", absl::StrFormat("%04x", gpu->device)},
          {"driver", gpu->driver}};
}

Json RefusalJson(const std::optional<DeviceRefusal>& refusal) {
  if (!refusal.has_value()) return nullptr;
  return {{"device", refusal->device}, {"cause", refusal->cause}, {"remedy", refusal->remedy}};
}

}  // namespace

std::string FormatWindowCheck(const WindowCheckReport& report) {
  std::string text;
  AppendHost(report, text);
  absl::StrAppend(&text, "\n     in window     bytes       of volume  CPU    device beside\n");
  for (const PlaceCheck& place : report.check.places) AppendPlace(place, text);
  absl::StrAppend(&text, "\n");
  AppendCounts(report.check, text);
  AppendLine("result", report.check.status.ok() ? "works: every byte was right" : "FAILED", text);
  return text;
}

std::string FormatWindowCheckJson(const WindowCheckReport& report) {
  Json json = {{"version", PENSTOCK_VERSION},
               {"kernel", report.host.kernel_release},
               {"iommu", report.host.iommu.units},
               {"window", host::WindowJson(report.window)}};
  json["gpu"] = GpuJson(GpuOf(report));
  json["volume"] = VolumeJson(report);
  json["device"] = report.device.empty() ? Json(nullptr) : Json(report.device);
  json["device_refusal"] = RefusalJson(report.device_refusal);
  json["compared_with"] = report.check.compared_with;
  json["place"] = Json::array();
  for (const PlaceCheck& place : report.check.places) json["place"].push_back(PlaceJson(place));
  json["nvme_commands"] = report.check.commands;
  json["controller"] = Json::array();
  for (const ControllerCounts& counts : report.check.controllers) json["controller"].push_back(ControllerJson(counts));
  json["error"] = host::ErrorJson(report.check.status);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
