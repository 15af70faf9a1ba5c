// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/access_pattern.h"

#include <algorithm>
#include <numeric>

#include "penstock/check.h"

namespace penstock::bench {
namespace {

/// Below `count`, each as likely as any other to within count / 2^64.
uint64_t Below(uint64_t count, std::mt19937_64& random) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(random()) * count) >> 64);
}

/// Near the golden section of `count`, which spreads neighbours far apart.
uint64_t StrideFor(uint64_t count) {
  auto stride = static_cast<uint64_t>(static_cast<double>(count) * 0.6180339887498949) | 1;
  while (std::gcd(stride, count) != 1) stride += 2;
  return stride;
}

}  // namespace

AccessPattern::AccessPattern(const Job& job, uint32_t lane, absl::Span<const VolumePart> parts)
    : access_(job.access),
      min_block_bytes_(job.min_block_bytes),
      max_block_bytes_(job.max_block_bytes),
      random_(job.seed * 0x9E3779B97F4A7C15u + lane) {
  for (const VolumePart& part : parts) {
    PENSTOCK_CHECK(part.length_bytes >= job.max_block_bytes);
    Place place = {.part = part, .block_count = part.length_bytes / min_block_bytes_};
    place.next_block = place.block_count * lane / job.numjobs;
    place.stride = StrideFor(place.block_count);
    if (job.distribution.zipf_theta > 0) place.zipf.emplace(place.block_count, job.distribution.zipf_theta);
    places_.push_back(place);
  }
}

uint32_t AccessPattern::NextLength() {
  if (min_block_bytes_ == max_block_bytes_) return min_block_bytes_;
  return min_block_bytes_ * static_cast<uint32_t>(1 + Below(max_block_bytes_ / min_block_bytes_, random_));
}

uint64_t AccessPattern::NextBlock(Place& place, uint32_t length_bytes) {
  const uint64_t places = place.block_count - length_bytes / min_block_bytes_ + 1;
  if (access_ == Access::kRead) {
    const uint64_t block = place.next_block < places ? place.next_block : 0;
    place.next_block = block + length_bytes / min_block_bytes_;
    return block;
  }
  if (!place.zipf.has_value()) return Below(places, random_);
  const uint64_t rank = place.zipf->Next(random_);
  const auto block = static_cast<uint64_t>(static_cast<unsigned __int128>(rank) * place.stride % place.block_count);
  return std::min(block, places - 1);
}

AccessPattern::Read AccessPattern::Next() {
  const uint32_t volume = next_volume_;
  next_volume_ = volume + 1 < places_.size() ? volume + 1 : 0;
  Place& place = places_[volume];
  const uint32_t length = NextLength();
  const uint64_t block = NextBlock(place, length);
  return {.volume = volume, .offset_bytes = place.part.offset_bytes + block * min_block_bytes_, .length_bytes = length};
}

}  // namespace penstock::bench
