// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "benchmarks/bench/gear.h"
#include "benchmarks/bench/lane.h"
#include "benchmarks/bench/numa.h"
#include "benchmarks/bench/proof.h"
#include "benchmarks/bench/steady.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "runtime/ingest_setup.h"

namespace penstock::bench {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(100);
constexpr uint64_t kStartNs = 5'000'000;  // for the threads to be there when the first read is due
constexpr absl::Duration kStopTimeout = absl::Seconds(10);

uint64_t ToNs(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

Usage UsageNow() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {.user_seconds = seconds(usage.ru_utime),
          .system_seconds = seconds(usage.ru_stime),
          .voluntary_switches = static_cast<uint64_t>(usage.ru_nvcsw),
          .involuntary_switches = static_cast<uint64_t>(usage.ru_nivcsw)};
}

Usage Since(const Usage& begin) {
  Usage usage = UsageNow();
  usage.user_seconds -= begin.user_seconds;
  usage.system_seconds -= begin.system_seconds;
  usage.voluntary_switches -= begin.voluntary_switches;
  usage.involuntary_switches -= begin.involuntary_switches;
  return usage;
}

/// Processors of lane `index`: one of those that were named, or all of the node's.
absl::StatusOr<std::vector<uint32_t>> CpusOf(const Job& job, uint32_t index) {
  if (!job.cpus.empty()) return std::vector<uint32_t>{job.cpus[index % job.cpus.size()]};
  if (job.numa.has_value()) return CpusOfNode(*job.numa);
  return std::vector<uint32_t>{};
}

class JobRun {
 public:
  JobRun(const Job& job, const RunControl& control) : job_(job), control_(control), steady_(job.steady_fraction) {
    result_.job = job;
  }

  RunResult Run() {
    if (absl::Status status = SetUp(); !status.ok()) {
      result_.verdict = Verdict::kRefused;
      result_.status = std::move(status);
      return std::move(result_);
    }
    const Witness witness(volumes_.all);
    Measure();
    StopDevices();
    witness.Testify(result_.proof);  // before the samples are read once more, which counts too
    Collect();
    Judge();
    return std::move(result_);
  }

 private:
  absl::Status SetUp() {
    PENSTOCK_ASSIGN_OR_RETURN(volumes_, JobVolumes::Open(job_));
    for (uint32_t index = 0; index < job_.numjobs; ++index) {
      PENSTOCK_ASSIGN_OR_RETURN(std::vector<uint32_t> cpus, CpusOf(job_, index));
      cpus_.push_back(std::move(cpus));
      PENSTOCK_ASSIGN_OR_RETURN(LaneGear gear, LaneGear::Make(job_, volumes_));
      gears_.push_back(std::make_unique<LaneGear>(std::move(gear)));
      lanes_.push_back(std::make_unique<Lane>(job_, index, gears_.back()->parts(volumes_), volumes_.parts, schedule_));
    }
    result_.pages = NameOfPages(gears_.front()->pool->pages());
    if (gears_.front()->device != nullptr) result_.device = gears_.front()->device->name();
    return Probe();
  }

  /// A read into poisoned memory, compared with another way's: by a queue of its own, which polls if the lanes' queues do, as not
  /// every volume can be polled.
  absl::Status Probe() const {
    if (job_.path == ReadPath::kPread || job_.buffer.kind != cli::BufferChoice::Kind::kPinned) return absl::OkStatus();
    ReadQueueOptions options = {.poll_device = job_.poll_device, .kernel_thread = job_.kernel_thread};
    for (const Volume* const volume : volumes_.all) {
      const std::optional<Refusal> refusal = ProbePath(job_.path, *volume, BufferPool::Create, options);
      if (!refusal.has_value()) continue;
      What cause(refusal->cause);
      Fix remedy(refusal->remedy);
      if (std::exchange(options.poll_device, false) && !ProbePath(job_.path, *volume, BufferPool::Create, options).has_value()) {
        cause = What(absl::StrCat("iopoll: ", refusal->cause));
        remedy = Fix("leave iopoll out");  // The path is good: it is the polling that this volume cannot do.
      }
      return MakeError(absl::StatusCode::kFailedPrecondition, std::move(cause), std::move(remedy));
    }
    return absl::OkStatus();
  }

  void Measure() {
    schedule_.begin_ns = MonotonicNs() + kStartNs;
    schedule_.measure_ns = schedule_.begin_ns + ToNs(job_.ramp_seconds);
    schedule_.end_ns = schedule_.measure_ns + ToNs(job_.runtime_seconds);
    statuses_.resize(lanes_.size());
    running_ = static_cast<uint32_t>(lanes_.size());
    std::vector<std::thread> threads;
    for (size_t index = 0; index < lanes_.size(); ++index) threads.emplace_back([this, index] { RunLane(index); });
    Watch();
    for (std::thread& thread : threads) thread.join();
  }

  void RunLane(size_t index) {
    statuses_[index] = RunOn(cpus_[index]);
    if (statuses_[index].ok()) statuses_[index] = lanes_[index]->Run();
    if (!statuses_[index].ok()) EndBy(MonotonicNs());  // The others' figures would be of another job than this one.
    --running_;
  }

  void EndBy(uint64_t now_ns) {
    uint64_t end_ns = schedule_.end_ns.load();
    while (now_ns < end_ns && !schedule_.end_ns.compare_exchange_weak(end_ns, now_ns)) {
    }
  }

  void Watch() {
    std::optional<Usage> begin;
    while (running_ > 0) {
      const uint64_t now_ns = MonotonicNs();
      const uint64_t next_ns = begin.has_value() ? schedule_.end_ns.load() : schedule_.measure_ns;
      if (!begin.has_value() && now_ns >= next_ns) begin = UsageNow();
      if (begin.has_value() && now_ns >= schedule_.end_ns.load()) break;
      if (control_.cancel != nullptr && control_.cancel->load(std::memory_order_relaxed)) {
        is_cancelled_ = true;
        EndBy(now_ns);
      }
      if (begin.has_value()) {
        Look(now_ns);
      } else {
        Show({.is_measured = false}, now_ns);
      }
      const uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
      absl::SleepFor(std::min(kLookInterval, absl::Nanoseconds(left_ns)));
    }
    if (begin.has_value()) result_.usage = Since(*begin);
  }

  void Look(uint64_t now_ns) {
    uint64_t reads = 0;
    uint64_t bytes = 0;
    LiveStatus live{.is_measured = true};
    for (const std::unique_ptr<Lane>& lane : lanes_) {
      reads += lane->progress().reads.load(std::memory_order_relaxed);
      bytes += lane->progress().bytes.load(std::memory_order_relaxed);
      live.p99_ns = std::max(live.p99_ns, lane->progress().p99_ns.load(std::memory_order_relaxed));
    }
    if (steady_.Look(now_ns, reads)) EndBy(now_ns);
    const double seconds = static_cast<double>(now_ns - std::max(last_look_ns_, schedule_.measure_ns)) * 1e-9;
    if (seconds > 0) {
      live.reads_per_second = static_cast<double>(reads - last_reads_) / seconds;
      live.bytes_per_second = static_cast<double>(bytes - last_bytes_) / seconds;
    }
    last_look_ns_ = now_ns;
    last_reads_ = reads;
    last_bytes_ = bytes;
    Show(live, now_ns);
  }

  void Show(LiveStatus live, uint64_t now_ns) const {
    const uint64_t end_ns = schedule_.end_ns.load();
    live.seconds_left = end_ns > now_ns ? static_cast<double>(end_ns - now_ns) * 1e-9 : 0;
    if (control_.live) control_.live(live);
  }

  void StopDevices() {
    for (size_t index = 0; index < gears_.size(); ++index) {
      if (gears_[index]->device == nullptr) continue;
      const absl::Status stopped = gears_[index]->device->Stop(kStopTimeout);
      if (statuses_[index].ok()) statuses_[index] = stopped;
    }
  }

  void Collect() {
    const uint64_t end_ns = schedule_.end_ns.load();
    result_.seconds = end_ns > schedule_.measure_ns ? static_cast<double>(end_ns - schedule_.measure_ns) * 1e-9 : 0;
    const auto stages = std::make_unique<Stages>();
    for (size_t index = 0; index < lanes_.size(); ++index) {
      const Lane& lane = *lanes_[index];
      const LaneGear& gear = *gears_[index];
      stages->Add(lane.stages());
      result_.bytes += lane.progress().bytes.load();
      result_.usage.system_calls += lane.system_calls();
      result_.proof.verified_bytes += lane.verified_bytes();
      result_.proof.all_reads += lane.all_reads();
      result_.proof.all_bytes += lane.all_bytes();
      result_.proof.commands += gear.queue->command_count();
      result_.proof.bytes_copied_by_cpu += gear.queue->bounce_bytes();
      AddSeries(lane.series());
      CheckSamples(job_.path, lane.samples(), volumes_.all, result_.proof);
      // Somebody may still write to it: it is never freed.
      if (lane.memory_in_use()) static_cast<void>(gears_[index].release());
    }
    result_.latency = LatenciesOf(*stages);
    result_.reads = stages->total.count();
    if (job_.steady_fraction > 0) result_.steady = steady_.is_steady();
  }

  void AddSeries(const std::vector<Second>& series) {
    result_.series.resize(std::max(result_.series.size(), series.size()));
    for (size_t i = 0; i < series.size(); ++i) {
      result_.series[i].reads += series[i].reads;
      result_.series[i].bytes += series[i].bytes;
      result_.series[i].p99_ns = std::max(result_.series[i].p99_ns, series[i].p99_ns);
    }
  }

  absl::Status NoReadEnded() const {
    return MakeError(absl::StatusCode::kDeadlineExceeded,
                     What(absl::StrCat("no read ended in the ", result_.seconds, " s that were measured")),
                     Fix("use a longer runtime, a smaller bs or a higher rate"));
  }

  void Judge() {
    const auto failed = std::find_if(statuses_.begin(), statuses_.end(), [](const absl::Status& status) { return !status.ok(); });
    if (failed != statuses_.end()) {
      result_.status = *failed;
    } else if (result_.reads == 0 && !is_cancelled_) {
      result_.status = NoReadEnded();
    }
    if (!result_.status.ok()) {
      result_.verdict = Verdict::kFailed;
      return;
    }
    FindContradictions(job_.path, result_.proof);
    if (is_cancelled_) {
      result_.verdict = Verdict::kPartial;
    } else if (!result_.proof.contradictions.empty()) {
      result_.verdict = Verdict::kDisagrees;
    }
  }

  const Job& job_;
  const RunControl& control_;
  RunResult result_;
  JobVolumes volumes_;
  std::vector<std::unique_ptr<LaneGear>> gears_;
  Schedule schedule_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::vector<uint32_t>> cpus_;  // by lane
  std::vector<absl::Status> statuses_;       // by lane; written by its thread
  std::atomic<uint32_t> running_ = 0;
  Steadiness steady_;
  bool is_cancelled_ = false;
  uint64_t last_look_ns_ = 0;
  uint64_t last_reads_ = 0;
  uint64_t last_bytes_ = 0;
};

}  // namespace

RunResult RunJob(const Job& job, const RunControl& control) { return JobRun(job, control).Run(); }

MeasuringCost MeasureMeasuring() {
  constexpr uint32_t kTimes = 100'000;
  const auto stages = std::make_unique<Stages>();
  const auto second = std::make_unique<LatencyHistogram>();
  MeasuringCost cost;
  uint64_t begin_ns = MonotonicNs();
  uint64_t now_ns = begin_ns;
  for (uint32_t i = 0; i < kTimes; ++i) now_ns = MonotonicNs();
  cost.clock_ns = static_cast<double>(now_ns - begin_ns) / kTimes;
  begin_ns = MonotonicNs();
  for (uint32_t i = 0; i < kTimes; ++i) {
    Moments moments = {.due_ns = now_ns};
    moments.handed_ns = MonotonicNs();
    moments.taken_ns = MonotonicNs();
    moments.published_ns = MonotonicNs();
    moments.ended_ns = MonotonicNs();
    stages->Record(moments);
    second->Record(moments.ended_ns - moments.due_ns);
    now_ns = moments.ended_ns;
  }
  cost.read_ns = static_cast<double>(now_ns - begin_ns) / kTimes;
  return cost;
}

}  // namespace penstock::bench
