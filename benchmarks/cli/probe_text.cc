// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/probe_text.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "benchmarks/cli/byte_size.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/cli/window_report.h"
#include "penstock/error.h"

namespace penstock::cli {
namespace {

std::string Size(uint64_t bytes) { return FormatBytes(static_cast<double>(bytes)); }

void AppendHostLine(const char* name, const std::string& fact, std::string& text) {
  absl::StrAppendFormat(&text, "%-14s %s\n", name, fact);
}

std::string RefusedBecause(const std::string& cause, const std::string& remedy) {
  return absl::StrCat("refused: ", cause, ". Fix: ", remedy, ".");
}

std::string FormatIoUring(const IoUringFacts& facts) {
  if (!facts.usable.ok()) return RefusedBecause(CauseOf(facts.usable), RemedyOf(facts.usable));
  const bool has_passthrough = facts.has_passthrough && facts.has_big_entries;
  return absl::StrCat("works; passthrough: ", has_passthrough ? "yes" : "no (from Linux 5.19)",
                      ", deferred work: ", facts.has_deferred_work ? "yes" : "no (from Linux 6.1)");
}

std::string FormatHugePages(const MemoryFacts& memory) {
  return absl::StrCat(memory.huge_pages, " of 2 MiB reserved, ", memory.free_huge_pages,
                      " free; transparent: ", memory.transparent_huge.empty() ? "not in this kernel" : memory.transparent_huge);
}

std::string FormatIommu(const IommuFacts& iommu) {
  if (iommu.units.empty()) return "none, or switched off";
  return absl::StrCat(absl::StrJoin(iommu.units, ", "), "; ", iommu.group_count, " groups");
}

std::string FormatProvider(const P2pProvider& provider) {
  std::string text = absl::StrCat(provider.pci_address, provider.driver.empty() ? "" : absl::StrCat(" (", provider.driver, ")"),
                                  ": ", Size(provider.size_bytes), ", ", Size(provider.free_bytes), " free");
  if (provider.is_gpu) return absl::StrCat(text, ", its driver's own");
  if (!provider.is_published) return absl::StrCat(text, ", not published");
  if (!provider.can_be_mapped) return absl::StrCat(text, ", not to be mapped before Linux 6.2");
  return absl::StrCat(text, ", --buffer=p2pmem:", provider.pci_address);
}

std::string FormatGpu(const PciGpu& gpu) {
  std::string text = absl::StrFormat("%s: %04x:%04x, driver %s, BAR %s", gpu.pci_address, gpu.vendor, gpu.device,
                                     gpu.driver.empty() ? "none" : gpu.driver, Size(gpu.largest_bar_bytes));
  if (gpu.memory_bytes.has_value()) absl::StrAppend(&text, " of ", Size(*gpu.memory_bytes), " memory");
  if (gpu.has_large_bar.has_value()) absl::StrAppend(&text, *gpu.has_large_bar ? ", large BAR" : ", no large BAR");
  return text;
}

std::string NoProvider(const HostFacts& host) {
  if (!host.has_p2pdma.has_value()) return "none published (whether this kernel has P2PDMA is not known)";
  return *host.has_p2pdma ? "none published" : "none: this kernel is built without CONFIG_PCI_P2PDMA";
}

void AppendHost(const HostFacts& host, std::string& text) {
  AppendHostLine("kernel", host.kernel_release, text);
  AppendHostLine("io_uring", FormatIoUring(host.io_uring), text);
  const std::optional<uint64_t> limit = host.memory.locked_limit_bytes;
  AppendHostLine("locked memory", limit.has_value() ? absl::StrCat("at most ", Size(*limit)) : "no limit", text);
  AppendHostLine("huge pages", FormatHugePages(host.memory), text);
  AppendHostLine("IOMMU", FormatIommu(host.iommu), text);
  if (host.p2p_providers.empty()) AppendHostLine("P2P memory", NoProvider(host), text);
  for (const P2pProvider& provider : host.p2p_providers) AppendHostLine("P2P memory", FormatProvider(provider), text);
  if (host.gpus.empty()) AppendHostLine("GPUs", "none", text);
  for (const PciGpu& gpu : host.gpus) AppendHostLine("GPU", FormatGpu(gpu), text);
}

/// A line for each window, or what is to be done before there can be one.
void AppendWindows(const HostFacts& host, std::string& text) {
  for (const PeerWindow& window : host.peer_windows.windows) AppendHostLine("window", FormatWindow(window), text);
  const std::vector<Refusal> missing = MissingForAWindow(host);
  if (missing.empty()) return;
  AppendHostLine("windows", "none that is pinned; to read into a GPU's memory, step by step:", text);
  for (size_t i = 0; i < missing.size(); ++i) {
    AppendHostLine("", absl::StrCat(i + 1, ". ", missing[i].cause, ". Fix: ", missing[i].remedy, "."), text);
  }
}

/// The same GPUs as HIP counts them, which need not be the order of their PCI addresses.
void AppendGpus(const host::FoundGpus& gpus, std::string& text) {
  if (!gpus.ok()) return AppendHostLine("HIP", RefusedBecause(CauseOf(gpus.status()), RemedyOf(gpus.status())), text);
  if (gpus->empty()) AppendHostLine("HIP", "no GPU", text);
  for (size_t i = 0; i < gpus->size(); ++i) {
    const GpuFacts& gpu = (*gpus)[i];
    AppendHostLine(
        "HIP",
        absl::StrCat("--device=hip:", i, ": ", gpu.name, ", ", gpu.architecture, ", ", gpu.compute_units, " compute units"),
        text);
  }
}

/// "2 poll queues", and for none the remedy: it is a parameter of the kernel's driver.
std::string FormatPolling(uint32_t poll_queue_count) {
  if (poll_queue_count == 0) return "no poll queues (nvme.poll_queues)";
  return absl::StrCat(poll_queue_count, poll_queue_count == 1 ? " poll queue" : " poll queues");
}

void AppendNamespace(const NvmeNamespace& space, std::string& text) {
  const NvmeController& controller = space.controller;
  absl::StrAppend(&text, "  ", controller.name, ": ", controller.model, ", serial ", controller.serial, ", firmware ",
                  controller.firmware);
  if (!controller.pci_address.empty()) absl::StrAppend(&text, ", PCI ", controller.pci_address);
  if (controller.numa_node >= 0) absl::StrAppend(&text, ", NUMA node ", controller.numa_node);
  absl::StrAppend(&text, "\n  ",
                  controller.max_transfer_bytes == 0 ? "no MDTS" : absl::StrCat("MDTS ", Size(controller.max_transfer_bytes)));
  if (space.max_command_bytes != 0) absl::StrAppend(&text, ", kernel's limit ", Size(space.max_command_bytes), " a command");
  absl::StrAppend(&text, ", ", FormatPolling(controller.poll_queue_count));
  if (space.path_count > 1) absl::StrAppend(&text, ", ", space.path_count, " controllers lead to it");
  absl::StrAppend(&text, "\n");
}

/// The path of an earlier finding that was refused for the same reason: the same sentences need not be read twice.
std::optional<ReadPath> RefusedAlike(const std::vector<PathFinding>& findings, size_t index) {
  for (size_t i = 0; i < index; ++i) {
    const std::optional<Refusal>& earlier = findings[i].refusal;
    if (!earlier.has_value() || findings[i].path == findings[index].path) continue;
    if (earlier->cause == findings[index].refusal->cause && earlier->remedy == findings[index].refusal->remedy) {
      return findings[i].path;
    }
  }
  return std::nullopt;
}

void AppendFinding(const std::vector<PathFinding>& findings, size_t index, std::string& text) {
  const PathFinding& finding = findings[index];
  absl::StrAppendFormat(&text, "  %-6s %s", std::string(ReadPathName(finding.path)),
                        finding.refusal.has_value() ? "refused" : "works");
  // Pinned buffers are what everybody has, unless they ask for others.
  if (finding.path == ReadPath::kBar && !finding.buffer.empty()) absl::StrAppend(&text, " with --buffer=", finding.buffer);
  if (finding.refusal.has_value()) {
    const std::optional<ReadPath> alike = RefusedAlike(findings, index);
    absl::StrAppend(&text, alike.has_value() ? absl::StrCat(" like ", std::string(ReadPathName(*alike)))
                                             : absl::StrCat(": ", OneLine(finding.refusal->cause),
                                                            ". Fix: ", OneLine(finding.refusal->remedy), "."));
  }
  absl::StrAppend(&text, "\n");
}

void AppendVolume(const VolumeSurvey& volume, std::string& text) {
  absl::StrAppend(&text, "\n", OneLine(volume.name));
  if (!volume.status.ok()) {
    absl::StrAppend(&text, "\n  FAILED: ", OneLine(volume.status.message()), "\n");
    return;
  }
  absl::StrAppend(&text, "  ", Size(volume.size_bytes));
  if (volume.block_bytes > 1) absl::StrAppend(&text, ", blocks of ", volume.block_bytes, " B");
  absl::StrAppend(&text, "\n");
  if (volume.nvme.has_value()) AppendNamespace(*volume.nvme, text);
  for (size_t i = 0; i < volume.findings.size(); ++i) AppendFinding(volume.findings, i, text);
  absl::StrAppend(&text, "  auto takes ",
                  volume.automatic.has_value() ? std::string(ReadPathName(*volume.automatic)) : "nothing: no path works", "\n");
}

}  // namespace

std::string FormatSurvey(const Survey& survey, const host::FoundGpus& gpus) {
  std::string text;
  AppendHost(survey.host, text);
  AppendWindows(survey.host, text);
  AppendGpus(gpus, text);
  for (const VolumeSurvey& volume : survey.volumes) AppendVolume(volume, text);
  if (survey.volumes.empty()) {
    absl::StrAppend(&text,
                    "\nno NVMe namespace on this machine; penstock probe FILE tries the paths on a file or block device\n");
  }
  return text;
}

}  // namespace penstock::cli
