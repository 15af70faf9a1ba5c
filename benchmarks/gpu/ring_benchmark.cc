// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a slot costs that does nothing: from the host to the resident kernel and back, alone, many at once, and after a second of
// idleness. Prints JSON. The baselines are in its member "bare": one word each way, launches, and what the link carries.
#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>

#include "benchmarks/gpu/bare_measurements.h"
#include "benchmarks/gpu/bench_device.h"
#include "penstock/clock.h"

namespace penstock::bench {
namespace {

using layout::Priority;

constexpr char kUsage[] =
    "usage: gpu_ring_benchmark [--quick] [--device=cpu] [--workgroups=N,N,...] [--slots=N,N,...] [--idle-rounds=N]\n";

struct Options {
  Target target = Target::kGpu;
  std::vector<u32> workgroups = {1, 8, 32, 132, 264};
  std::vector<u32> slots = {64, 256, 1024, 4096};
  u32 round_trips = 20000;
  u32 idle_rounds = 20;
  double seconds = 0.3;  // of each rate
};

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view value = word.substr(std::min(word.find('=') + 1, word.size()));
    if (word == "--quick") {
      options.round_trips = 1000;
      options.idle_rounds = 2;
      options.seconds = 0.05;
    } else if (word == "--device=cpu") {
      options.target = Target::kCpu;
    } else if (word.substr(0, 13) == "--workgroups=") {
      options.workgroups = NumberList(value);
    } else if (word.substr(0, 8) == "--slots=") {
      options.slots = NumberList(value);
    } else if (word.substr(0, 14) == "--idle-rounds=" && NumberList(value).size() == 1) {
      options.idle_rounds = NumberList(value).front();
    } else {
      return false;
    }
  }
  return !options.workgroups.empty() && !options.slots.empty();
}

/// From publishing a NOP until its outcome is in hand, with nothing else in flight.
double RoundTripNs(LiveRing& ring) {
  const u64 begin = MonotonicNs();
  const absl::StatusOr<Ticket> ticket = ring.Publish({});
  Require(ticket.status(), "publishing");
  Completion completion;
  while (!ring.TryReap(*ticket, completion)) {
    if (MonotonicNs() - begin > static_cast<u64>(absl::ToInt64Nanoseconds(kPatience))) {
      Require(ring.Wait(*ticket, absl::ZeroDuration()).status(), "waiting");
    }
  }
  const u64 end = MonotonicNs();
  Require(completion.ToStatus("NOP"), "a slot");
  return static_cast<double>(end - begin);
}

Json RoundTrips(Device& device, u32 rounds) {
  std::vector<double> samples;
  samples.reserve(rounds);
  for (u32 i = 0; i < rounds / 20; ++i) RoundTripNs(device.ring());
  for (u32 i = 0; i < rounds; ++i) samples.push_back(RoundTripNs(device.ring()));
  return DistributionJson(samples, "ns");
}

/// Keeps the ring full for that long, reaping in ring order.
double SlotsPerSecond(Device& device, double seconds) {
  constexpr u32 kSlotsBetweenClockReads = 1024;
  LiveRing& ring = device.ring();
  Completion completion;
  u64 reaped = 0;
  const u64 begin = MonotonicNs();
  u64 now = begin;
  while (now < begin + static_cast<u64>(seconds * 1e9)) {
    for (u32 i = 0; i < kSlotsBetweenClockReads; ++i) {
      if (ring.free_slots(Priority::kNormal) > 0) Require(ring.Publish({}).status(), "publishing");
      if (!ring.TryReapNext(Priority::kNormal, completion)) continue;
      if (!completion.ok()) Require(completion.ToStatus("NOP"), "a slot");
      ++reaped;
    }
    now = MonotonicNs();
  }
  return static_cast<double>(reaped) / (static_cast<double>(now - begin) * 1e-9);
}

/// Reaps what SlotsPerSecond left in flight.
void Drain(LiveRing& ring) {
  Completion completion;
  const u64 begin = MonotonicNs();
  while (ring.in_flight() > 0) {
    ring.TryReapNext(Priority::kNormal, completion);
    if (MonotonicNs() - begin > static_cast<u64>(absl::ToInt64Nanoseconds(kPatience))) {
      std::fprintf(stderr, "%u slots have not ended:\n%s", ring.in_flight(), ring.Dump().c_str());
      std::exit(1);
    }
  }
}

struct RingSize {
  u32 workgroups;
  u32 slots;
};

/// Runs `measure` on a running device of that size, and puts what it says into the row; or the error, if there is no such device.
template <typename Measure>
Json Row(const Options& options, const RingSize& size, Measure measure) {
  Json row = {{"workgroups", size.workgroups}, {"ring_slots", size.slots}};
  absl::StatusOr<std::unique_ptr<Device>> device = OpenDevice(options.target, size.workgroups, size.slots);
  if (!device.ok()) {
    row["error"] = std::string(device.status().message());
    return row;
  }
  Require((*device)->Start(), "starting the device");
  row["workgroups"] = (*device)->workgroups();
  measure(**device, row);
  Drain((*device)->ring());
  Require((*device)->Stop(kPatience), "stopping the device");
  return row;
}

Json RoundTripRows(const Options& options) {
  std::vector<RingSize> sizes;
  for (const u32 workgroups : options.workgroups) sizes.push_back({workgroups, 256});
  for (const u32 slots : options.slots) {
    if (slots != 256) sizes.push_back({options.workgroups.back(), slots});
  }
  Json rows = Json::array();
  for (const RingSize& size : sizes) {
    rows.push_back(Row(options, size, [&](Device& device, Json& row) { row.update(RoundTrips(device, options.round_trips)); }));
  }
  return rows;
}

Json RateRows(const Options& options) {
  Json rows = Json::array();
  for (const u32 workgroups : options.workgroups) {
    for (const u32 slots : options.slots) {
      rows.push_back(Row(options, {workgroups, slots},
                         [&](Device& device, Json& row) { row["slots_per_second"] = SlotsPerSecond(device, options.seconds); }));
    }
  }
  return rows;
}

/// A device of the default size: the first slot after a second in which nothing happened, and what the doorbell cost meanwhile.
Json Idle(const Options& options) {
  const u32 workgroups = options.target == Target::kCpu ? 1 : 0;
  return Row(options, {workgroups, 256}, [&](Device& device, Json& row) {
    RoundTrips(device, 1000);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // it is asleep now
    std::vector<double> samples;
    const u64 polls = device.counters().doorbell_polls;
    const u64 begin = MonotonicNs();
    for (u32 i = 0; i < options.idle_rounds; ++i) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      samples.push_back(RoundTripNs(device.ring()));
    }
    const double seconds = static_cast<double>(MonotonicNs() - begin) * 1e-9;
    const double rate = static_cast<double>(device.counters().doorbell_polls - polls) / seconds;
    row["first_slot"] = DistributionJson(samples, "ns");
    row["doorbell_polls_per_second"] = rate;
    row["bus_bytes_per_second"] = rate * layout::kLineBytes;
  });
}

Json MeasureAll(const Options& options) {
  Json json;
  if (options.target == Target::kGpu) {
    json["device"] = DeviceJson();
    json["bare"] = {{"ping_pong", PingPong()},
                    {"launch_and_synchronize", LaunchAndSynchronize()},
                    {"launches_per_second", LaunchesPerSecond()},
                    {"copies", CopyRates()}};
  }
  json["round_trips"] = RoundTripRows(options);
  json["rates"] = RateRows(options);
  json["idle"] = Idle(options);
  return json;
}

}  // namespace
}  // namespace penstock::bench

int main(int argc, char** argv) {
  penstock::bench::Options options;
  if (!penstock::bench::Parse(argc, argv, options)) {
    std::fputs(penstock::bench::kUsage, stderr);
    return 2;
  }
  std::puts(penstock::bench::MeasureAll(options).dump(2).c_str());
  return 0;
}
