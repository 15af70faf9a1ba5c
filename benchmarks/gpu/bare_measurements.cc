// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/gpu/bare_measurements.h"

#include <vector>

#include "benchmarks/gpu/bare_kernels.h"
#include "benchmarks/gpu/gpu_run.h"
#include "penstock/layout/atomic.h"

namespace penstock::bench {

using layout::Scope;

namespace {

constexpr u32 kWorkgroupCounts[] = {1, 8, 32, 132, 264};

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

}  // namespace

Json DeviceJson() {
  hipDeviceProp_t properties;
  PENSTOCK_GPU_CALL(hipGetDeviceProperties(&properties, 0));
  return {{"name", properties.name}, {"compute_units", properties.multiProcessorCount}};
}

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

}  // namespace penstock::bench
