// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/survey.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "driver/nvme_sysfs.h"
#include "penstock/buffer_pool.h"
#include "penstock/read_paths.h"
#include "penstock/volume.h"

namespace penstock {
namespace {

constexpr char kPinned[] = "pinned";

/// By the controller's node where there is one: it leads to the block device too.
std::vector<std::string> NamesOfNamespaces() {
  std::vector<std::string> names;
  for (const NvmeNamespace& space : driver::ListNvmeNamespaces()) {
    const std::string& name = space.char_node.empty() ? space.block_node : space.char_node;
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

std::vector<PathFinding> TryPinned(const Volume& volume) {
  std::vector<PathFinding> findings;
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) {
    findings.push_back({path, kPinned, ProbePath(path, volume, BufferPool::Create)});
  }
  return findings;
}

std::vector<PathFinding> TryPeers(const Volume& volume, const HostFacts& host) {
  // Whatever memory there is, it is the volume that cannot be read so: said once.
  if (!volume.Supports(ReadPath::kBar)) return {{ReadPath::kBar, "", volume.support(ReadPath::kBar).refusal}};
  const std::vector<std::string> peers = MappablePeers(host);
  if (peers.empty()) return {{ReadPath::kBar, "", NoPeerMemory(host)}};
  std::vector<PathFinding> findings;
  findings.reserve(peers.size());
  for (const std::string& peer : peers) {
    findings.push_back({ReadPath::kBar, absl::StrCat("p2pmem:", peer), ProbePath(ReadPath::kBar, volume, PeerMemoryPools(peer))});
  }
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

bool IsMappable(const P2pProvider& provider) { return provider.is_published && provider.can_be_mapped && !provider.is_gpu; }

}  // namespace

bool VolumeSurvey::has_working_path() const {
  return std::any_of(findings.begin(), findings.end(), [](const PathFinding& finding) { return !finding.refusal.has_value(); });
}

std::vector<std::string> MappablePeers(const HostFacts& host) {
  std::vector<std::string> addresses;
  for (const P2pProvider& provider : host.p2p_providers) {
    if (IsMappable(provider)) addresses.push_back(provider.pci_address);
  }
  return addresses;
}

Refusal NoPeerMemory(const HostFacts& host) {
  const auto refusal = [](const std::string& why, std::string remedy) {
    return Refusal{ReadPath::kBar, absl::StrCat("no device memory that can be mapped: ", why), std::move(remedy)};
  };
  constexpr char kElsewhere[] =
      "use an NVMe controller with a memory buffer (CMB), or map another device's memory in the application";
  if (!host.kernel_is_at_least(6, 2)) {
    return refusal(absl::StrCat("Linux ", host.kernel_release, " maps no peer-to-peer memory for programs"),
                   "use Linux 6.2 or later with CONFIG_PCI_P2PDMA, or --path=nvme");
  }
  if (host.has_p2pdma == false) {
    return refusal("this kernel is built without peer-to-peer memory", "use a kernel with CONFIG_PCI_P2PDMA, or --path=nvme");
  }
  if (host.p2p_providers.empty()) return refusal("no PCI function has published any", kElsewhere);
  const bool only_gpus = std::all_of(host.p2p_providers.begin(), host.p2p_providers.end(),
                                     [](const P2pProvider& provider) { return provider.is_gpu; });
  if (only_gpus) {
    return refusal("what there is belongs to the driver of a GPU",
                   "allocate the memory with HIP and hand its mapping to the runtime");
  }
  return refusal(absl::StrCat("that of ", host.p2p_providers.front().pci_address, " is not published, or not for programs"),
                 kElsewhere);
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
