// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "table.h"

#include <fstream>
#include <utility>
#include <vector>

#include "penstock/error.h"

namespace hash_lookup {
namespace {

constexpr u64 kUsedEntriesPerBucket = (kEntriesPerBucket + 1) * 15 / 16;

/// The n-th number of a sequence that does not repeat itself (splitmix64).
u64 NumberOf(u64 n) {
  u64 number = n * 0x9E3779B97F4A7C15;
  number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9;
  number = (number ^ number >> 27) * 0x94D049BB133111EB;
  return number ^ number >> 31;
}

/// Requires: the table has room.
void Insert(std::vector<Bucket>& table, const Entry& entry) {
  const auto bucket_count = static_cast<u32>(table.size());
  u32 bucket = FirstBucket(entry.key, bucket_count);
  while (table[bucket].header.entry_count == kEntriesPerBucket) bucket = NextBucket(bucket, bucket_count);
  table[bucket].entry[table[bucket].header.entry_count++] = entry;
}

absl::Status NoTable(const std::string& path, u32 bucket, const std::string& why) {
  return penstock::MakeError(absl::StatusCode::kDataLoss,
                             penstock::What("bucket " + std::to_string(bucket) + " of " + path + " " + why),
                             penstock::Fix("name a file that is not there yet: the table is written to it"));
}

}  // namespace

absl::Status WriteTable(const std::string& path, u32 bucket_count) {
  std::vector<Bucket> table(bucket_count);
  for (u32 i = 0; i < bucket_count; ++i) table[i].header = {kBucketMagic, i, 0, 0};
  for (u64 n = 1; n <= bucket_count * kUsedEntriesPerBucket; ++n) {
    const u64 value = NumberOf(~n);
    Insert(table, {NumberOf(n), value == kNotFound ? 0 : value});  // only number 0 is 0, which is no key
  }
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(table.data()), static_cast<std::streamsize>(table.size() * sizeof(Bucket)));
  file.close();
  if (file) return absl::OkStatus();
  return penstock::MakeError(absl::StatusCode::kUnavailable, penstock::What(path + " cannot be written"),
                             penstock::Fix("name a file in a folder that you may write to and that has room"));
}

absl::StatusOr<Entries> ReadTable(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return penstock::MakeError(absl::StatusCode::kNotFound, penstock::What(path + " cannot be read"),
                               penstock::Fix("name a file that you may read"));
  }
  Entries entries;
  Bucket bucket;
  for (u32 i = 0; file.peek() != std::ifstream::traits_type::eof(); ++i) {
    if (!file.read(reinterpret_cast<char*>(&bucket), sizeof(bucket))) return NoTable(path, i, "is cut off");
    const BucketHeader& header = bucket.header;
    if (header.magic != kBucketMagic || header.number != i || header.entry_count > kEntriesPerBucket) {
      return NoTable(path, i, "is not what this program writes");
    }
    for (u32 k = 0; k < header.entry_count; ++k) {
      if (!entries.emplace(bucket.entry[k].key, bucket.entry[k].value).second) return NoTable(path, i, "has a key once more");
    }
  }
  if (entries.empty()) return NoTable(path, 0, "is not there");
  return entries;
}

}  // namespace hash_lookup
