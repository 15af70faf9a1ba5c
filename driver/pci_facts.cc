// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/pci_facts.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/sysfs_file.h"

namespace penstock::driver {
namespace {

namespace fs = std::filesystem;

constexpr int kBarCount = 6;                 // the lines after them are ROM and bridge windows
constexpr uint64_t kMemoryResource = 0x200;  // IORESOURCE_MEM, include/linux/ioport.h
constexpr uint32_t kDisplayClass = 0x03;
constexpr uint32_t kAcceleratorClass = 0x12;

std::vector<fs::path> Functions(const std::string& sys) { return Entries(fs::path(sys) / "bus/pci/devices"); }

bool IsGpu(const fs::path& function) { return IsGpuClass(ReadNumberOr(function / "class", 0)); }

/// Of the memory BARs in the function's "resource" file: lines of first address, last address, flags.
uint64_t LargestBarBytes(const fs::path& function) {
  const std::string text = ReadText(function / "resource").value_or("");
  uint64_t largest = 0;
  int bar = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (bar++ == kBarCount) break;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t first = 0, last = 0, flags = 0;
    if (words.size() != 3 || !absl::SimpleHexAtoi(words[0], &first) || !absl::SimpleHexAtoi(words[1], &last) ||
        !absl::SimpleHexAtoi(words[2], &flags)) {
      continue;
    }
    if ((flags & kMemoryResource) != 0 && last > first) largest = std::max(largest, last - first + 1);
  }
  return largest;
}

PciGpu GpuAt(const fs::path& function) {
  PciGpu gpu;
  gpu.pci_address = function.filename();
  gpu.vendor = ReadNumberOr(function / "vendor", 0);
  gpu.device = ReadNumberOr(function / "device", 0);
  gpu.driver = LinkName(function / "driver");
  const std::optional<uint64_t> node = ReadNumber(function / "numa_node");
  if (node.has_value()) gpu.numa_node = static_cast<int>(*node);
  gpu.largest_bar_bytes = LargestBarBytes(function);
  gpu.memory_bytes = ReadNumber(function / "mem_info_vram_total");
  if (gpu.memory_bytes.has_value()) gpu.has_large_bar = gpu.largest_bar_bytes >= *gpu.memory_bytes;
  return gpu;
}

}  // namespace

bool IsGpuClass(uint32_t pci_class) {
  const uint32_t base_class = pci_class >> 16;
  return base_class == kDisplayClass || base_class == kAcceleratorClass;
}

std::vector<P2pProvider> ListP2pProviders(const std::string& sys) {
  std::vector<P2pProvider> providers;
  for (const fs::path& function : Functions(sys)) {
    const fs::path pool = function / "p2pmem";
    if (!Exists(pool)) continue;
    providers.push_back({.pci_address = function.filename(),
                         .driver = LinkName(function / "driver"),
                         .size_bytes = ReadNumber(pool / "size").value_or(0),
                         .free_bytes = ReadNumber(pool / "available").value_or(0),
                         .is_published = ReadNumberOr(pool / "published", 0) != 0,
                         .can_be_mapped = Exists(pool / "allocate"),
                         .is_gpu = IsGpu(function)});
  }
  return providers;
}

std::vector<PciGpu> ListPciGpus(const std::string& sys) {
  std::vector<PciGpu> gpus;
  for (const fs::path& function : Functions(sys)) {
    if (IsGpu(function)) gpus.push_back(GpuAt(function));
  }
  return gpus;
}

}  // namespace penstock::driver
