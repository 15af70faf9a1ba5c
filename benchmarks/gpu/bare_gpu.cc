// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measures the hardware alone, with nothing of Penstock in between, and prints JSON. Every benchmark on a GPU is set beside one
// of these figures of the same run.
#include <cstdio>
#include <string>
#include <vector>

#include "benchmarks/gpu/bare_kernels.h"
#include "benchmarks/gpu/bare_primitives.h"
#include "benchmarks/gpu/distribution.h"
#include "benchmarks/gpu/gpu_run.h"
#include "penstock/layout/atomic.h"

namespace penstock::bench {
namespace {

using layout::Scope;

constexpr u32 kWorkgroupCounts[] = {1, 8, 32, 132, 264};
constexpr u64 kCopyBytes = 256ull << 20;

Json DeviceJson() {
  hipDeviceProp_t properties;
  PENSTOCK_GPU_CALL(hipGetDeviceProperties(&properties, 0));
  return {{"name", properties.name}, {"compute_units", properties.multiProcessorCount}};
}

/// One word each way through pinned memory: the floor of any conversation between host and GPU.
Json PingPong() {
  constexpr u32 kRounds = 20000;
  constexpr u32 kWarmUp = 1000;
  PinnedArray<LoneWord> ping(1);
  PinnedArray<LoneWord> pong(1);
  Stream stream;
  LaunchPingPong(stream, ping.device(), pong.device(), kWarmUp + kRounds);
  std::vector<double> samples;
  samples.reserve(kRounds);
  for (u32 round = 1; round <= kWarmUp + kRounds; ++round) {
    const double begin = NowNs();
    layout::StoreRelease<Scope::kSystem>(&ping[0].value, round);
    while (layout::LoadRelaxed<Scope::kSystem>(&pong[0].value) != round) {
    }
    if (round > kWarmUp) samples.push_back(NowNs() - begin);
  }
  stream.Synchronize();
  return DistributionJson(samples, "ns");
}

Json LaunchAndSynchronize() {
  constexpr u32 kRounds = 5000;
  constexpr u32 kWarmUp = 200;
  Stream stream;
  std::vector<double> samples;
  for (u32 round = 0; round < kWarmUp + kRounds; ++round) {
    const double begin = NowNs();
    LaunchEmpty(stream);
    stream.Synchronize();
    if (round >= kWarmUp) samples.push_back(NowNs() - begin);
  }
  return DistributionJson(samples, "ns");
}

double LaunchesPerSecond() {
  constexpr u32 kLaunches = 100000;
  Stream stream;
  LaunchEmpty(stream);
  stream.Synchronize();
  const double begin = NowNs();
  for (u32 i = 0; i < kLaunches; ++i) LaunchEmpty(stream);
  stream.Synchronize();
  return kLaunches / ((NowNs() - begin) * 1e-9);
}

/// Keeps every slot of every workgroup in flight for `seconds`, then lets the kernel leave. Returns slots per second.
double DriveBareRing(BareRing host, u32 workgroups, double seconds) {
  std::vector<u32> head(workgroups, 0);  // sequence number to publish next
  std::vector<u32> tail(workgroups, 0);  // oldest one in flight
  const double begin = NowNs();
  double now = begin;
  while (now < begin + seconds * 1e9) {
    for (u32 workgroup = 0; workgroup < workgroups; ++workgroup) {
      u32& oldest = tail[workgroup];
      while (oldest != head[workgroup] &&
             layout::LoadAcquire<Scope::kSystem>(&host.done[host.At(workgroup, oldest)]) == host.LapOf(oldest)) {
        ++oldest;
      }
      for (u32& next = head[workgroup]; next - oldest < host.slots; ++next) {
        layout::StoreRelease<Scope::kSystem>(&host.published[host.At(workgroup, next)], host.LapOf(next));
      }
    }
    now = NowNs();
  }
  u64 ended = 0;
  for (u32 workgroup = 0; workgroup < workgroups; ++workgroup) {
    ended += tail[workgroup];
    for (u32 slot = 0; slot < host.slots; ++slot) {
      layout::StoreRelease<Scope::kSystem>(&host.published[host.At(workgroup, slot)], kLeaveBareRing);
    }
  }
  return static_cast<double>(ended) / ((now - begin) * 1e-9);
}

/// One word a slot each way, as many slots in flight as fit; `stride_words`: 1 packs 16 slots into a line, 16 gives each its own.
Json BareRingRates(u32 stride_words) {
  constexpr u32 kSlotsPerWorkgroup = 64;
  Json rows = Json::array();
  for (const u32 workgroups : kWorkgroupCounts) {
    const u64 words = static_cast<u64>(workgroups) * kSlotsPerWorkgroup * stride_words;
    PinnedArray<u32> published(words);
    PinnedArray<u32> done(words);
    Stream stream;
    LaunchBareRing(stream, workgroups, {published.device(), done.device(), kSlotsPerWorkgroup, stride_words});
    const double rate = DriveBareRing({published.host(), done.host(), kSlotsPerWorkgroup, stride_words}, workgroups, 0.3);
    stream.Synchronize();
    rows.push_back({{"workgroups", workgroups},
                    {"slots_per_workgroup", kSlotsPerWorkgroup},
                    {"bytes_between_slots", stride_words * sizeof(u32)},
                    {"slots_per_second", rate}});
  }
  return rows;
}

struct CopyPlan {
  u8* to;
  const u8* from;
  decltype(hipMemcpyHostToDevice) kind;
};

/// Bytes per second of `plan`'s kCopyBytes, copied `chunk_bytes` at a time with all copies in the stream at once.
double CopyRate(const CopyPlan& plan, u64 chunk_bytes) {
  Stream stream;
  std::vector<double> rates;
  for (u32 repeat = 0; repeat < 5; ++repeat) {
    const double begin = NowNs();
    for (u64 at = 0; at < kCopyBytes; at += chunk_bytes) {
      PENSTOCK_GPU_CALL(hipMemcpyAsync(plan.to + at, plan.from + at, chunk_bytes, plan.kind, stream));
    }
    stream.Synchronize();
    if (repeat > 0) rates.push_back(kCopyBytes / ((NowNs() - begin) * 1e-9));
  }
  return Median(rates);
}

Json CopyRates() {
  PinnedArray<u8> host(kCopyBytes);
  DeviceArray<u8> device(kCopyBytes);
  Json rows = Json::array();
  for (const u64 chunk_bytes : {kCopyBytes, u64{4} << 20, u64{1} << 20, u64{256} << 10, u64{64} << 10}) {
    rows.push_back({{"chunk_bytes", chunk_bytes},
                    {"to_device_bytes_per_second", CopyRate({device.device(), host.host(), hipMemcpyHostToDevice}, chunk_bytes)},
                    {"to_host_bytes_per_second", CopyRate({host.host(), device.device(), hipMemcpyDeviceToHost}, chunk_bytes)}});
  }
  return rows;
}

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
  PENSTOCK_GPU_CALL(hipSetDevice(0));
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
