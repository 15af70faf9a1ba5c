// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A survey: what this host offers to ingest, and for every volume which paths work. What `penstock probe` shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/host_facts.h"
#include "penstock/nvme.h"
#include "penstock/read_path.h"

namespace PENSTOCK_API penstock {

/// Whether one path brings bytes into one kind of memory.
struct PathFinding {
  ReadPath path;       // which path
  std::string buffer;  // as --buffer takes it: "pinned", "p2pmem:0000:00:05.0", "window:1"; empty: no memory of its kind
  std::optional<Refusal> refusal;  // nothing: a real read brought every byte
};

/// One volume, and what works on it.
struct VolumeSurvey {
  std::string name;                   // as it was named
  absl::Status status;                // OK, or why it cannot be opened; then nothing else is known
  uint64_t size_bytes = 0;            // as Volume tells, like the two below
  uint32_t block_bytes = 0;           // extents begin and end at multiples of it
  std::optional<NvmeNamespace> nvme;  // nothing: it is no whole NVMe namespace
  /// Those into pinned buffers first, each kind in the order in which --path=auto would try them.
  std::vector<PathFinding> findings;
  std::optional<ReadPath> automatic;  // what --path=auto takes for pinned buffers; nothing: no path works

  /// At least one path works, into whatever memory.
  bool has_working_path() const;
};

/// A host and its volumes.
struct Survey {
  HostFacts host;                     // what it offers
  std::vector<VolumeSurvey> volumes;  // in the order in which they were named
};

/// Opens the volume and tries every path on it with ProbePath: `nvme`, `read` and `pread` into host memory, `bar` into the memory
/// of every provider that is MappablePeers and into every window that is pinned. Threads: any. Cost: two small reads a finding,
/// and up to twice ProbeRead's timeout for one that hangs.
VolumeSurvey SurveyVolume(const std::string& name, const HostFacts& host);

/// The host, and the volumes of these names; with no names, every NVMe namespace of the machine. Threads: any.
Survey SurveyHost(absl::Span<const std::string> names);

/// Every NVMe namespace of this machine, by its controller's node where there is one. Threads: any.
std::vector<std::string> NamesOfNamespaces();

/// PCI addresses of the functions whose peer-to-peer memory path `bar` can be tried on: published, to be mapped, and no GPU's.
std::vector<std::string> MappablePeers(const HostFacts& host);

/// Numbers of the windows that path `bar` can be tried on.
std::vector<uint32_t> PinnedWindows(const HostFacts& host);

/// What this host lacks for reads into a GPU's memory, each with its remedy, in the order in which it is done: a kernel with
/// peer-to-peer memory, a GPU whose driver exports its memory, a BAR that covers it, the module penstock_p2p, a window. Empty if
/// there is a pinned window. What cannot be told is not listed.
std::vector<Refusal> MissingForAWindow(const HostFacts& host);

/// Why path `bar` has no memory to read into on a host without MappablePeers and PinnedWindows: the first thing that is missing.
Refusal NoPeerMemory(const HostFacts& host);

}  // namespace penstock
