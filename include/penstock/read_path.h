// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ways a read can take from a volume into a buffer, by their names.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Best first: the order in which --path=auto tries them.
enum class ReadPath {
  kBar,    // NVMe passthrough straight into a device's BAR; the buffer's pages are pinned for each command. Kernel 6.2.
  kNvme,   // NVMe passthrough into registered host buffers, no block layer and no copy by the CPU. Kernel 5.19.
  kRead,   // READ_FIXED with O_DIRECT: io_uring, registered buffers, no copy by the CPU. Kernel 5.11.
  kPread,  // plain reads through the page cache by a few threads; works everywhere, the CPU copies every byte
};

/// All of them, best first.
inline constexpr std::array kReadPaths = {ReadPath::kBar, ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread};

/// "bar", "nvme", "read" or "pread".
std::string_view ReadPathName(ReadPath path);
/// The path of that name, or nothing.
std::optional<ReadPath> ReadPathNamed(std::string_view name);

/// Why a path cannot be used for a volume, and what would make it usable.
struct Refusal {
  ReadPath path;       // which path
  std::string cause;   // what failed, with values
  std::string remedy;  // one imperative sentence
};

/// An error of trying a path, as a refusal.
Refusal RefusalOf(ReadPath path, const absl::Status& status);

}  // namespace penstock
