// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table's file, written and read by the host.
#pragma once

#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bucket.h"

namespace hash_lookup {

using Entries = std::unordered_map<u64, u64>;

/// Writes a table in which 15 of 16 entries are used: many buckets overflow. Requires: bucket_count > 0.
/// Errors: Unavailable. Threads: any.
absl::Status WriteTable(const std::string& path, u32 bucket_count);

/// Every entry of the file, read from its beginning to its end: what to hold the device's answers against, because it takes
/// neither hashes nor overflow to find them. Errors: NotFound; DataLoss: this is no table. Threads: any.
absl::StatusOr<Entries> ReadTable(const std::string& path);

}  // namespace hash_lookup
