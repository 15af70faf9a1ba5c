// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/host/survey_json.h"

#include <optional>

#include "absl/strings/str_format.h"
#include "runtime/host/error_json.h"
#include "runtime/host/or_null.h"
#include "runtime/host/window_json.h"

namespace penstock::host {
namespace {

using Json = nlohmann::ordered_json;

/// Sysfs says -1 where it does not know.
Json NodeJson(int numa_node) { return numa_node < 0 ? Json(nullptr) : Json(numa_node); }

Json IoUringJson(const IoUringFacts& facts) {
  return {{"works", facts.usable.ok()},
          {"passthrough", facts.has_passthrough && facts.has_big_entries},
          {"deferred_work", facts.has_deferred_work},
          {"disabled_sysctl", OrNull(facts.disabled_sysctl)},
          {"error", ErrorJson(facts.usable)}};
}

Json ProviderJson(const P2pProvider& provider) {
  return {{"pci_address", provider.pci_address},
          {"driver", provider.driver},
          {"size_bytes", provider.size_bytes},
          {"free_bytes", provider.free_bytes},
          {"published", provider.is_published},
          {"can_be_mapped", provider.can_be_mapped},
          {"gpu", provider.is_gpu}};
}

Json GpuJson(const PciGpu& gpu) {
  return {{"pci_address", gpu.pci_address},
          {"vendor", absl::StrFormat("%04x", gpu.vendor)},
          {"device", absl::StrFormat("%04x", gpu.device)},
          {"driver", gpu.driver},
          {"numa_node", NodeJson(gpu.numa_node)},
          {"largest_bar_bytes", gpu.largest_bar_bytes},
          {"memory_bytes", OrNull(gpu.memory_bytes)},
          {"large_bar", OrNull(gpu.has_large_bar)}};
}

}  // namespace

Json HostJson(const HostFacts& host) {
  Json json = {{"kernel", host.kernel_release}, {"io_uring", IoUringJson(host.io_uring)}};
  json["locked_limit_bytes"] = OrNull(host.memory.locked_limit_bytes);
  json["huge_pages"] = {
      {"reserved", host.memory.huge_pages}, {"free", host.memory.free_huge_pages}, {"transparent", host.memory.transparent_huge}};
  json["iommu"] = {{"units", host.iommu.units}, {"group_count", host.iommu.group_count}};
  json["p2pdma"] = OrNull(host.has_p2pdma);
  json["p2p_provider"] = Json::array();
  for (const P2pProvider& provider : host.p2p_providers) json["p2p_provider"].push_back(ProviderJson(provider));
  json["gpu"] = Json::array();
  for (const PciGpu& gpu : host.gpus) json["gpu"].push_back(GpuJson(gpu));
  json["window"] = Json::array();
  for (const PeerWindow& window : host.peer_windows.windows) json["window"].push_back(WindowJson(window));
  json["window_error"] = ErrorJson(host.peer_windows.usable);
  json["window_missing"] = Json::array();
  for (const Refusal& missing : MissingForAWindow(host)) {
    json["window_missing"].push_back({{"cause", missing.cause}, {"remedy", missing.remedy}});
  }
  return json;
}

Json HipJson(const FoundGpus& gpus) {
  Json json = {{"gpu", Json::array()}, {"error", ErrorJson(gpus.status())}};
  if (!gpus.ok()) return json;
  for (const GpuFacts& gpu : *gpus) {
    json["gpu"].push_back({{"name", gpu.name}, {"architecture", gpu.architecture}, {"compute_units", gpu.compute_units}});
  }
  return json;
}

namespace {

Json ControllerJson(const NvmeController& controller) {
  return {{"name", controller.name},
          {"pci_address", controller.pci_address},
          {"model", controller.model},
          {"serial", controller.serial},
          {"firmware", controller.firmware},
          {"numa_node", NodeJson(controller.numa_node)},
          {"max_transfer_bytes", controller.max_transfer_bytes},
          {"poll_queue_count", controller.poll_queue_count}};
}

Json NamespaceJson(const NvmeNamespace& space) {
  return {{"id", space.id},
          {"char_node", space.char_node},
          {"block_node", space.block_node},
          {"metadata_bytes", space.metadata_bytes},
          {"max_command_bytes", space.max_command_bytes},
          {"max_segments", space.max_segments},
          {"queue_depth", space.queue_depth},
          {"memory_alignment", space.memory_alignment},
          {"path_count", space.path_count},
          {"controller", ControllerJson(space.controller)}};
}

Json FindingJson(const PathFinding& finding) {
  Json json = {{"path", std::string(ReadPathName(finding.path))}};
  json["buffer"] = finding.buffer.empty() ? Json(nullptr) : Json(finding.buffer);
  json["works"] = !finding.refusal.has_value();
  json["cause"] = finding.refusal.has_value() ? Json(finding.refusal->cause) : Json(nullptr);
  json["remedy"] = finding.refusal.has_value() ? Json(finding.refusal->remedy) : Json(nullptr);
  return json;
}

}  // namespace

Json VolumeJson(const VolumeSurvey& volume) {
  Json json = {{"name", volume.name}};
  json["size_bytes"] = volume.status.ok() ? Json(volume.size_bytes) : Json(nullptr);
  json["block_bytes"] = volume.status.ok() ? Json(volume.block_bytes) : Json(nullptr);
  json["nvme"] = volume.nvme.has_value() ? NamespaceJson(*volume.nvme) : Json(nullptr);
  json["path"] = Json::array();
  for (const PathFinding& finding : volume.findings) json["path"].push_back(FindingJson(finding));
  json["auto"] = volume.automatic.has_value() ? Json(std::string(ReadPathName(*volume.automatic))) : Json(nullptr);
  json["error"] = ErrorJson(volume.status);
  return json;
}

std::string FormatSurveyJson(const Survey& survey, const FoundGpus& gpus) {
  Json json = {{"version", PENSTOCK_VERSION}, {"host", HostJson(survey.host)}};
  json["host"]["hip"] = HipJson(gpus);
  json["volume"] = Json::array();
  for (const VolumeSurvey& volume : survey.volumes) json["volume"].push_back(VolumeJson(volume));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::host
