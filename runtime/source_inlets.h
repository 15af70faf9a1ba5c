// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sorts an ingest run's sources into inlets: which of them are read one after the other, and which side by side.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace penstock {

/// More would be buffers without end for a tree of many mounts; further sources join the inlets that are there.
inline constexpr uint32_t kMaxInlets = 64;

/// Names what serves the source's bytes: of a device node the device, of a file its file system's device. Sources with the same
/// key are best read one after the other. nullopt if there is no such source; opening it says why. Cost: one stat. Threads: any.
std::optional<std::string> InletKey(const std::string& source);

/// The keys of all sources, in their order; of those on an NVMe controller its name, so that its namespaces, partitions and file
/// systems are one inlet. Cost: one stat for each source, and some files of sysfs for each device.
std::vector<std::optional<std::string>> InletKeys(absl::Span<const std::string> sources);

/// For each inlet, the indices of its sources in the order given: one inlet for each key, in the order of their first sources.
/// A source without a key joins the first inlet. At least one inlet.
std::vector<std::vector<uint32_t>> SortIntoInlets(absl::Span<const std::optional<std::string>> keys);

}  // namespace penstock
