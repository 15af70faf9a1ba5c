// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measures the hardware alone, with nothing of Penstock in between, and prints JSON. Every benchmark on a GPU is set beside one
// of these figures of the same run.
#include <cstdio>
#include <string>
#include <vector>

#include "benchmarks/gpu/bare_kernels.h"
#include "benchmarks/gpu/bare_measurements.h"
#include "benchmarks/gpu/bare_primitives.h"
#include "benchmarks/gpu/distribution.h"
#include "benchmarks/gpu/gpu_run.h"

namespace penstock::bench {
namespace {

/// A chain that visits every line of `lines` once, far from line to line, and comes back.
std::vector<u32> MakeChain(u32 lines) {
  std::vector<u32> words(lines * kWordsPerLine);
  for (u32 line = 0; line < lines; ++line) {
    for (u32 word = 0; word < kWordsPerLine; ++word) words[line * kWordsPerLine + word] = (line + 37) % lines;
  }
  return words;
}

/// Nanoseconds of each primitive: the median of several launches.
Json PrimitivesNs() {
  constexpr u32 kChainLines = 4096;  // 256 KiB: in the second-level cache, past the first
  Stream stream;
  const std::vector<u32> chain = MakeChain(kChainLines);
  PinnedArray<u32> pinned_chain(chain.size());
  DeviceArray<u32> device_chain(chain.size());
  PinnedArray<u32> pinned_word(kWordsPerLine);
  PinnedArray<PrimitiveTime> time(1);
  std::memcpy(pinned_chain.host(), chain.data(), pinned_chain.bytes());
  PENSTOCK_GPU_CALL(hipMemcpy(device_chain.device(), chain.data(), device_chain.bytes(), hipMemcpyHostToDevice));
  Json json;
  u32 count = 0;
  const Primitive* primitives = Primitives(count);
  for (const Primitive* primitive = primitives; primitive < primitives + count; ++primitive) {
    std::vector<double> samples;
    for (u32 repeat = 0; repeat < 9; ++repeat) {
      DeviceArray<u32> word(1);  // every launch finds it zero
      LaunchPrimitive(stream, *primitive, {pinned_chain.device(), device_chain.device(), pinned_word.device(), word.device()},
                      time.device());
      stream.Synchronize();
      samples.push_back(static_cast<double>(time[0].ticks) * 1e9 / static_cast<double>(GpuTicksPerSecond()) / kPrimitiveRounds);
    }
    json[primitive->name] = Median(samples);
  }
  return json;
}

constexpr u64 kLineCount = kCopyBytes / sizeof(Line16);

/// Bytes per second of a kernel that `launch` starts; the median of several, launch and synchronisation included.
template <typename LaunchIt>
double KernelRate(Stream& stream, LaunchIt launch) {
  std::vector<double> rates;
  for (u32 repeat = 0; repeat < 4; ++repeat) {
    const double begin = NowNs();
    launch();
    stream.Synchronize();
    if (repeat > 0) rates.push_back(kCopyBytes / ((NowNs() - begin) * 1e-9));
  }
  return Median(rates);
}

Json KernelRates() {
  constexpr u32 kMostWorkgroups = 264;
  PinnedArray<Line16> lines(kLineCount);
  DeviceArray<u64> sums(kMostWorkgroups * kLanes);
  Stream stream;
  Json rows = Json::array();
  for (const u32 workgroups : {8u, 16u, 32u, 64u, 132u, kMostWorkgroups}) {
    Json row = {{"workgroups", workgroups}};
    for (const u32 unroll : {1u, 2u, 4u, 8u}) {
      row["read_unroll_" + std::to_string(unroll) + "_bytes_per_second"] =
          KernelRate(stream, [&] { LaunchRead(stream, workgroups, unroll, lines.device(), kLineCount, sums.device()); });
    }
    row["write_bytes_per_second"] = KernelRate(stream, [&] { LaunchWrite(stream, workgroups, lines.device(), kLineCount); });
    rows.push_back(row);
  }
  return rows;
}

Json MeasureAll() {
  Json json = {{"device", DeviceJson()}};
  json["ping_pong"] = PingPong();
  json["launch_and_synchronize"] = LaunchAndSynchronize();
  json["launches_per_second"] = LaunchesPerSecond();
  json["bare_ring_line_a_slot"] = BareRingRates(kWordsPerLine);
  json["bare_ring_packed"] = BareRingRates(1);
  json["copies"] = CopyRates();
  json["kernels_over_pinned_memory"] = KernelRates();
  json["primitives_ns"] = PrimitivesNs();
  return json;
}

}  // namespace
}  // namespace penstock::bench

int main() {
  std::puts(penstock::bench::MeasureAll().dump(2).c_str());
  return 0;
}
