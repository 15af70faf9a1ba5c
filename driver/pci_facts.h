// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What sysfs tells of PCI functions that memory may be borrowed from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "penstock/host_facts.h"

namespace penstock::driver {

/// A display controller or processing accelerator, by the number in its file `class`: PCI Code and ID Assignment Specification.
bool IsGpuClass(uint32_t pci_class);

/// Every function below `sys` with a pool of peer-to-peer memory, by address.
std::vector<P2pProvider> ListP2pProviders(const std::string& sys);

/// Every display controller and processing accelerator below `sys`, by address.
std::vector<PciGpu> ListPciGpus(const std::string& sys);

}  // namespace penstock::driver
