// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which memory path `bar` can be tried on, and what a host lacks that has none. Facts in, no system calls.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "penstock/error.h"
#include "penstock/survey.h"

namespace penstock {
namespace {

constexpr char kElsewhere[] =
    "use an NVMe controller with a memory buffer (CMB), or a window of another device's memory (penstock window)";

Refusal Missing(std::string cause, std::string remedy) { return {ReadPath::kBar, std::move(cause), std::move(remedy)}; }

bool IsMappable(const P2pProvider& provider) { return provider.is_published && provider.can_be_mapped && !provider.is_gpu; }

/// Drivers that hand out a GPU's own memory as dma-bufs which peers may reach. The console's display controller has none of them.
bool ExportsItsMemory(const PciGpu& gpu) { return gpu.driver == "amdgpu" || gpu.driver == "nvidia" || gpu.driver == "xe"; }

std::vector<PciGpu> ExportingGpus(const HostFacts& host) {
  std::vector<PciGpu> gpus;
  std::copy_if(host.gpus.begin(), host.gpus.end(), std::back_inserter(gpus), ExportsItsMemory);
  return gpus;
}

std::optional<Refusal> MissingInKernel(const HostFacts& host) {
  if (!host.kernel_is_at_least(6, 2)) {
    return Missing(absl::StrCat("Linux ", host.kernel_release, " maps no peer-to-peer memory for programs"),
                   "use Linux 6.2 or later with CONFIG_PCI_P2PDMA, or path nvme");
  }
  if (host.has_p2pdma == false) {
    return Missing("this kernel is built without peer-to-peer memory", "use a kernel with CONFIG_PCI_P2PDMA, or path nvme");
  }
  return std::nullopt;
}

std::optional<Refusal> MissingGpu(const HostFacts& host) {
  if (!ExportingGpus(host).empty()) return std::nullopt;
  const auto name = [](std::string* text, const PciGpu& gpu) {
    absl::StrAppend(text, gpu.pci_address, gpu.driver.empty() ? " has no driver" : absl::StrCat(" has driver ", gpu.driver));
  };
  if (host.gpus.empty()) return Missing("this machine shows no GPU", "put one in, or pass one through to this guest (lspci)");
  return Missing(absl::StrCat("no GPU has a driver that exports its memory: ", absl::StrJoin(host.gpus, ", ", name)),
                 "load the GPU's driver (amdgpu, nvidia or xe)");
}

std::optional<Refusal> MissingLargeBar(const HostFacts& host) {
  const std::vector<PciGpu> gpus = ExportingGpus(host);
  const bool all_small =
      !gpus.empty() && std::all_of(gpus.begin(), gpus.end(), [](const PciGpu& gpu) { return gpu.has_large_bar == false; });
  if (!all_small) return std::nullopt;
  return Missing(absl::StrCat("the largest BAR of ", gpus.front().pci_address, ", ", gpus.front().largest_bar_bytes >> 20,
                              " MiB, does not cover the GPU's memory, ", gpus.front().memory_bytes.value_or(0) >> 20, " MiB"),
                 "switch on resizable BARs in the firmware (Above 4G Decoding, Re-Size BAR)");
}

std::optional<Refusal> MissingModule(const HostFacts& host) {
  if (host.peer_windows.usable.ok()) return std::nullopt;
  return RefusalOf(ReadPath::kBar, host.peer_windows.usable);
}

Refusal MissingWindow(const HostFacts& host) {
  const std::vector<PeerWindow>& windows = host.peer_windows.windows;
  if (windows.empty()) return Missing("no window is reserved", "run penstock window reserve --device=hip:0 --size=1GiB");
  return Missing(absl::StrCat("window ", windows.front().number, " is revoked: the driver took its memory back"),
                 "release it (penstock window release), and reserve a new one");
}

}  // namespace

std::vector<std::string> MappablePeers(const HostFacts& host) {
  std::vector<std::string> addresses;
  for (const P2pProvider& provider : host.p2p_providers) {
    if (IsMappable(provider)) addresses.push_back(provider.pci_address);
  }
  return addresses;
}

std::vector<uint32_t> PinnedWindows(const HostFacts& host) {
  std::vector<uint32_t> numbers;
  for (const PeerWindow& window : host.peer_windows.windows) {
    if (window.is_pinned()) numbers.push_back(window.number);
  }
  return numbers;
}

std::vector<Refusal> MissingForAWindow(const HostFacts& host) {
  std::vector<Refusal> missing;
  if (!PinnedWindows(host).empty()) return missing;
  for (const auto step : {MissingInKernel, MissingGpu, MissingLargeBar, MissingModule}) {
    if (std::optional<Refusal> refusal = step(host); refusal.has_value()) missing.push_back(*std::move(refusal));
  }
  missing.push_back(MissingWindow(host));
  return missing;
}

Refusal NoPeerMemory(const HostFacts& host) {
  const auto refusal = [](const std::string& why, std::string remedy) {
    return Missing(absl::StrCat("no device memory that can be mapped: ", why), std::move(remedy));
  };
  if (std::optional<Refusal> kernel = MissingInKernel(host)) return refusal(kernel->cause, kernel->remedy);
  const std::vector<P2pProvider>& providers = host.p2p_providers;
  const auto of_gpu = [](const P2pProvider& provider) { return provider.is_gpu; };
  if (!providers.empty() && std::all_of(providers.begin(), providers.end(), of_gpu)) {
    return refusal("what there is belongs to the driver of a GPU",
                   "allocate the memory with HIP and hand its mapping to the runtime");
  }
  if (!ExportingGpus(host).empty()) {
    const Refusal first = MissingForAWindow(host).front();
    return refusal(first.cause, first.remedy);
  }
  if (!host.peer_windows.windows.empty()) return refusal(MissingWindow(host).cause, MissingWindow(host).remedy);
  if (providers.empty()) return refusal("no PCI function has published any", kElsewhere);
  return refusal(absl::StrCat("that of ", providers.front().pci_address, " is not published, or not for programs"), kElsewhere);
}

}  // namespace penstock
