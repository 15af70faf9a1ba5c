// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/host_facts.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/io_uring_facts.h"
#include "driver/pci_facts.h"
#include "driver/sysfs_file.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using driver::ReadNumber;
using driver::ReadText;

constexpr int kCapIpcLock = 14;  // linux/capability.h: locks memory without limit

/// The line of a text that begins with `begin`, without that; nothing if there is none.
std::optional<absl::string_view> LineAfter(absl::string_view text, absl::string_view begin) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, begin)) return line.substr(begin.size());
  }
  return std::nullopt;
}

bool MayLockAnyAmount(const fs::path& proc) {
  const std::string status = ReadText(proc / "self/status").value_or("");
  const std::optional<absl::string_view> rights = LineAfter(status, "CapEff:");
  uint64_t bits = 0;
  return rights.has_value() && absl::SimpleHexAtoi(*rights, &bits) && (bits >> kCapIpcLock & 1) != 0;
}

std::optional<uint64_t> LockedLimitBytes(const fs::path& proc) {
  if (MayLockAnyAmount(proc)) return std::nullopt;
  const std::string limits = ReadText(proc / "self/limits").value_or("");
  const std::optional<absl::string_view> line = LineAfter(limits, "Max locked memory");
  if (!line.has_value()) return std::nullopt;
  const std::vector<absl::string_view> words = absl::StrSplit(*line, ' ', absl::SkipEmpty());  // soft, hard, unit
  uint64_t bytes = 0;
  if (words.empty() || !absl::SimpleAtoi(words[0], &bytes)) return std::nullopt;  // "unlimited"
  return bytes;
}

/// The choice in brackets of "always [madvise] never".
std::string Chosen(const std::string& choices) {
  const size_t open = choices.find('[');
  const size_t close = choices.find(']');
  return open < close && close != std::string::npos ? choices.substr(open + 1, close - open - 1) : "";
}

MemoryFacts ReadMemory(const HostRoots& roots) {
  const fs::path mm = fs::path(roots.sys) / "kernel/mm";
  return {.locked_limit_bytes = LockedLimitBytes(roots.proc),
          .huge_pages = ReadNumber(mm / "hugepages/hugepages-2048kB/nr_hugepages").value_or(0),
          .free_huge_pages = ReadNumber(mm / "hugepages/hugepages-2048kB/free_hugepages").value_or(0),
          .transparent_huge = Chosen(ReadText(mm / "transparent_hugepage/enabled").value_or(""))};
}

IommuFacts ReadIommu(const fs::path& sys) {
  IommuFacts facts;
  for (const fs::path& unit : driver::Entries(sys / "class/iommu")) facts.units.push_back(unit.filename());
  facts.group_count = static_cast<uint32_t>(driver::Entries(sys / "kernel/iommu_groups").size());
  return facts;
}

/// From the configuration that distributions put beside the kernel.
std::optional<bool> ConfigSaysP2pdma(const HostRoots& roots, const std::string& release) {
  const std::optional<std::string> config = ReadText(fs::path(roots.boot) / absl::StrCat("config-", release));
  if (!config.has_value()) return std::nullopt;
  return LineAfter(*config, "CONFIG_PCI_P2PDMA=y").has_value();
}

WindowFacts ReadWindows(const std::string& dev) {
  const absl::StatusOr<PeerWindows> module = PeerWindows::Open(absl::StrCat(dev, "/penstock_p2p"));
  if (!module.ok()) return {.usable = module.status(), .windows = {}};
  absl::StatusOr<std::vector<PeerWindow>> windows = module->List();
  if (!windows.ok()) return {.usable = windows.status(), .windows = {}};
  return {.usable = absl::OkStatus(), .windows = *std::move(windows)};
}

}  // namespace

bool HostFacts::kernel_is_at_least(uint32_t version, uint32_t patch_level) const {
  const std::vector<absl::string_view> numbers = absl::StrSplit(kernel_release, absl::ByAnyChar(".-"));
  uint32_t major = 0, minor = 0;
  if (numbers.size() < 2 || !absl::SimpleAtoi(numbers[0], &major) || !absl::SimpleAtoi(numbers[1], &minor)) return false;
  return std::pair(major, minor) >= std::pair(version, patch_level);
}

HostFacts ReadHostFacts(const HostRoots& roots) {
  HostFacts facts;
  const fs::path kernel = fs::path(roots.proc) / "sys/kernel";
  facts.kernel_release = ReadText(kernel / "osrelease").value_or("");
  const std::optional<uint64_t> disabled = ReadNumber(kernel / "io_uring_disabled");
  facts.io_uring = driver::ProbeIoUring(disabled);
  facts.memory = ReadMemory(roots);
  facts.iommu = ReadIommu(roots.sys);
  facts.p2p_providers = driver::ListP2pProviders(roots.sys);
  // A pool is proof enough, where no configuration can be read.
  facts.has_p2pdma = facts.p2p_providers.empty() ? ConfigSaysP2pdma(roots, facts.kernel_release) : true;
  facts.gpus = driver::ListPciGpus(roots.sys);
  facts.peer_windows = ReadWindows(roots.dev);
  return facts;
}

}  // namespace penstock
