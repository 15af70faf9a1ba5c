// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/survey.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "driver/nvme_sysfs.h"
#include "penstock/buffer_pool.h"
#include "penstock/peer_window.h"
#include "penstock/read_paths.h"
#include "penstock/volume.h"

namespace penstock {
namespace {

constexpr char kPinned[] = "pinned";

std::vector<PathFinding> TryPinned(const Volume& volume) {
  std::vector<PathFinding> findings;
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) {
    findings.push_back({path, kPinned, ProbePath(path, volume, BufferPool::Create)});
  }
  return findings;
}

std::optional<Refusal> TryWindow(const Volume& volume, uint32_t number) {
  const absl::StatusOr<PeerWindows> module = PeerWindows::Open();
  if (!module.ok()) return RefusalOf(ReadPath::kBar, module.status());
  absl::StatusOr<DeviceMemory> memory = module->Map(number);
  if (!memory.ok()) return RefusalOf(ReadPath::kBar, memory.status());
  return ProbePath(ReadPath::kBar, volume, PoolsIn(*std::move(memory)));
}

/// Into whatever device memory there is.
std::vector<PathFinding> TryPeers(const Volume& volume, const HostFacts& host) {
  // Whatever memory there is, it is the volume that cannot be read so: said once.
  if (!volume.Supports(ReadPath::kBar)) return {{ReadPath::kBar, "", volume.support(ReadPath::kBar).refusal}};
  std::vector<PathFinding> findings;
  for (const std::string& peer : MappablePeers(host)) {
    findings.push_back({ReadPath::kBar, absl::StrCat("p2pmem:", peer), ProbePath(ReadPath::kBar, volume, PeerMemoryPools(peer))});
  }
  for (const uint32_t number : PinnedWindows(host)) {
    findings.push_back({ReadPath::kBar, absl::StrCat("window:", number), TryWindow(volume, number)});
  }
  if (findings.empty()) findings.push_back({ReadPath::kBar, "", NoPeerMemory(host)});
  return findings;
}

std::optional<ReadPath> Automatic(const Volume& volume, const std::vector<PathFinding>& pinned) {
  for (const ReadPath path : AutomaticPaths(volume, /*is_device_memory=*/false)) {
    const bool works = std::any_of(pinned.begin(), pinned.end(), [path](const PathFinding& finding) {
      return finding.path == path && !finding.refusal.has_value();
    });
    if (works) return path;
  }
  return std::nullopt;
}

}  // namespace

bool VolumeSurvey::has_working_path() const {
  return std::any_of(findings.begin(), findings.end(), [](const PathFinding& finding) { return !finding.refusal.has_value(); });
}

std::vector<std::string> NamesOfNamespaces() {
  std::vector<std::string> names;
  for (const NvmeNamespace& space : driver::ListNvmeNamespaces()) {
    // The controller's node leads to the block device too.
    const std::string& name = space.char_node.empty() ? space.block_node : space.char_node;
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

VolumeSurvey SurveyVolume(const std::string& name, const HostFacts& host) {
  VolumeSurvey survey;
  survey.name = name;
  const absl::StatusOr<Volume> volume = Volume::Open(name);
  survey.status = volume.status();
  if (!volume.ok()) return survey;
  survey.size_bytes = volume->size_bytes();
  survey.block_bytes = volume->block_bytes();
  if (volume->nvme() != nullptr) survey.nvme = *volume->nvme();
  survey.findings = TryPinned(*volume);
  survey.automatic = Automatic(*volume, survey.findings);
  for (PathFinding& finding : TryPeers(*volume, host)) survey.findings.push_back(std::move(finding));
  return survey;
}

Survey SurveyHost(absl::Span<const std::string> names) {
  Survey survey;
  survey.host = ReadHostFacts();
  const std::vector<std::string> all = names.empty() ? NamesOfNamespaces() : std::vector<std::string>(names.begin(), names.end());
  for (const std::string& name : all) survey.volumes.push_back(SurveyVolume(name, survey.host));
  return survey;
}

}  // namespace penstock
