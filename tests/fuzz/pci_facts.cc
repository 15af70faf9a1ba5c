// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any texts in the files that sysfs has of a PCI function: whatever they say, it is told without a fault.
#include "driver/pci_facts.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "driver/nvme_sysfs.h"
#include "penstock/check.h"
#include "tests/fuzz/input.h"

namespace fs = std::filesystem;

namespace {

/// One function and one namespace, in a folder that goes with the process.
class Tree {
 public:
  Tree() {
    // Some twenty files are written for each input: in memory, where there is such a folder.
    std::string name = (fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path()) / fs::path("penstock_fuzz_XXXXXX");
    PENSTOCK_CHECK(mkdtemp(name.data()) != nullptr);
    root_ = name;
    function_ = root_ / "bus/pci/devices/0000:41:00.0";
    space_ = root_ / "devices/pci0000:40/0000:41:00.0/nvme/nvme0/nvme0n1";
    fs::create_directories(function_ / "p2pmem");
    fs::create_directories(space_ / "queue");
    fs::create_directories(root_ / "block");
    fs::create_directory_symlink(space_, root_ / "block/nvme0n1");
  }
  ~Tree() {
    std::error_code error;
    fs::remove_all(root_, error);
  }

  const std::string root() const { return root_; }

  void Fill(penstock::fuzz::Input& input) const {
    for (const char* file : {"class", "resource", "vendor", "device", "numa_node", "mem_info_vram_total", "p2pmem/size",
                             "p2pmem/available", "p2pmem/published"}) {
      Write(function_ / file, input);
    }
    for (const char* file : {"nsid", "size", "metadata_bytes", "queue/logical_block_size", "queue/max_hw_sectors_kb",
                             "queue/max_segments", "queue/nr_requests", "queue/dma_alignment"}) {
      Write(space_ / file, input);
    }
  }

 private:
  static void Write(const fs::path& file, penstock::fuzz::Input& input) { std::ofstream(file) << input.TakeText(); }

  fs::path root_;
  fs::path function_;
  fs::path space_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  static const Tree tree;
  fuzz::Input input(data, size);
  tree.Fill(input);
  PENSTOCK_CHECK(driver::ListP2pProviders(tree.root()).size() == 1);
  for (const PciGpu& gpu : driver::ListPciGpus(tree.root())) PENSTOCK_CHECK(gpu.pci_address == "0000:41:00.0");
  for (const NvmeNamespace& space : driver::ListNvmeNamespaces(tree.root())) {
    PENSTOCK_CHECK(space.block_bytes != 0 || space.block_count == 0);
    PENSTOCK_CHECK(space.block_bytes == 0 || space.block_count <= UINT64_MAX / space.block_bytes);
  }
  return 0;
}
