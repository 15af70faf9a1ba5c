// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading the small text files of /sys and /proc, which may not be there, or go while one looks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "penstock/export.h"

namespace penstock::driver {

/// The text of the file without white space at its ends; nothing if it cannot be read.
PENSTOCK_API std::optional<std::string> ReadText(const std::filesystem::path& file);
/// The number in the file, decimal or 0x...; nothing if it cannot be read, or is none (negative ones are none).
PENSTOCK_API std::optional<uint64_t> ReadNumber(const std::filesystem::path& file);
/// The same, limited to 32 bits, and `otherwise` if there is none.
PENSTOCK_API uint32_t ReadNumberOr(const std::filesystem::path& file, uint32_t otherwise);

PENSTOCK_API bool Exists(const std::filesystem::path& file);
/// What `path` is with every link followed; nothing if it is not there.
PENSTOCK_API std::optional<std::filesystem::path> RealPath(const std::filesystem::path& path);
/// The name of what a link leads to, e.g. "nvme" for .../driver; empty if that is not there.
PENSTOCK_API std::string LinkName(const std::filesystem::path& link);
/// The entries of a folder in the order of their names, numbers in them by value ("nvme2" before "nvme10"); empty if there is
/// none.
PENSTOCK_API std::vector<std::filesystem::path> Entries(const std::filesystem::path& folder);

}  // namespace penstock::driver
