// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/option_table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "benchmarks/bench/fio_names.h"
#include "benchmarks/bench/nearest_name.h"
#include "benchmarks/bench/option_value.h"
#include "benchmarks/bench/volume_names.h"
#include "penstock/error.h"
#include "penstock/ingest.h"

namespace penstock::bench {
namespace {

using Text = absl::string_view;

constexpr char kSizeList[] =
    "use sizes of 1 to 256MiB such as 4k, lists such as 4k,128k and ranges of multiples of their first size such as 4k-64k, at "
    "most "
    "64 of them and none twice";
constexpr char kLoopback[] = "use a file's name, or 127.0.0.1: and a port of 1 to 65535: anybody could read it from elsewhere";
constexpr uint32_t kMaxJobs = 1024;
constexpr uint32_t kMaxWorkgroups = 65535;
constexpr uint32_t kMaxLoops = 1000;
constexpr double kMaxSeconds = 7 * 24 * 3600;
constexpr uint64_t kMaxRate = uint64_t{1} << 50;

std::optional<Access> AccessNamed(Text text) {
  if (text == "read") return Access::kRead;
  if (text == "randread") return Access::kRandRead;
  return std::nullopt;
}

std::optional<uint32_t> BlockBytes(Text text) {
  const std::optional<uint64_t> bytes = BytesOf(text);
  if (!bytes.has_value() || *bytes == 0 || *bytes > IngestOptions::kMaxChunkBytes) return std::nullopt;
  return static_cast<uint32_t>(*bytes);
}

std::optional<BlockSizes> BlockSizesNamed(Text text) {
  const size_t dash = text.find('-');
  const std::optional<uint32_t> least = BlockBytes(text.substr(0, dash));
  const std::optional<uint32_t> most = dash == Text::npos ? least : BlockBytes(text.substr(dash + 1));
  if (!least.has_value() || !most.has_value() || *least > *most || *most % *least != 0) return std::nullopt;
  return BlockSizes{*least, *most};
}

/// 1 to kMost.
template <uint32_t kMost>
std::optional<uint32_t> PositiveCount(Text text) {
  const std::optional<uint64_t> count = CountOf(text, kMost);
  if (!count.has_value() || *count == 0) return std::nullopt;
  return static_cast<uint32_t>(*count);
}

std::optional<ReadPath> PathNamed(Text text) { return ReadPathNamed({text.data(), text.size()}); }

/// Stores what was read, or says what is allowed.
template <typename T, typename U>
std::string Store(std::optional<T> value, U& place, std::string allowed) {
  if (!value.has_value()) return allowed;
  place = *std::move(value);
  return "";
}

std::string TakeVolumes(Text value, const OptionTarget& target) {
  return Store(VolumeNamesOf(value), target.job->job.volumes,
               R"(name volumes, with colons between them: filename=/dev/ng0n1:/dev/ng1n1; write \: for a colon in a name)");
}

std::string TakeName(Text value, const OptionTarget& target) {
  target.job->job.name = Printable(value);
  return "";
}

std::string TakePaths(Text value, const OptionTarget& target) {
  constexpr char kAllowed[] = "use all, or a list of bar, nvme, read and pread, none of them twice";
  if (value == "all") {
    target.job->paths.assign(kReadPaths.begin(), kReadPaths.end());
    target.job->all_paths = true;
    return "";
  }
  target.job->all_paths = false;
  return Store(ListOf(value, PathNamed), target.job->paths, kAllowed);
}

std::string TakeDistribution(Text value, const OptionTarget& target) {
  constexpr char kAllowed[] = "use uniform, or zipf: and a theta above 0 and below 10 that is not 1, e.g. zipf:1.2";
  double& theta = target.job->job.distribution.zipf_theta;
  theta = 0;
  if (value == "uniform") return "";
  if (!absl::ConsumePrefix(&value, "zipf:")) return kAllowed;
  const std::optional<double> given = DecimalOf(value);
  if (!given.has_value() || !(*given > 0) || !(*given < 10) || *given == 1) return kAllowed;
  theta = *given;
  return "";
}

std::string TakeDevice(Text value, const OptionTarget& target) {
  Job& job = target.job->job;
  job.gpu_index = 0;
  if (value == "none" || value == "cpu") {
    job.runner = value == "cpu" ? Runner::kCpu : Runner::kNone;
    return "";
  }
  Text index = value;
  const std::optional<uint64_t> number = absl::ConsumePrefix(&index, "hip:") ? CountOf(index, 65535) : std::nullopt;
  if (value != "hip" && !number.has_value()) return "use none, cpu, hip, or hip: and a GPU's number (penstock probe), e.g. hip:1";
  job.runner = Runner::kHip;
  job.gpu_index = static_cast<uint32_t>(number.value_or(0));
  return "";
}

std::string TakeOperation(Text value, const OptionTarget& target) {
  constexpr std::array<Text, 4> kOperations = {"none", "crc32c", "verify", "histogram"};
  if (std::find(kOperations.begin(), kOperations.end(), value) == kOperations.end()) {
    return "use none, crc32c, verify or histogram";
  }
  target.job->job.operation = std::string(value);
  return "";
}

std::string TakeBuffer(Text value, const OptionTarget& target) {
  const absl::StatusOr<cli::BufferChoice> choice = cli::BufferChoiceNamed(std::string(value));
  if (!choice.ok()) return RemedyOf(choice.status());
  target.job->job.buffer = *choice;
  return "";
}

std::string TakeHugePages(Text value, const OptionTarget& target) {
  const std::optional<bool> wanted = SwitchOf(value);
  if (value != "auto" && !wanted.has_value()) return "use auto, 0 or 1";
  target.job->job.huge_pages = wanted;
  return "";
}

/// Above 0; reads a second, of each job.
std::string TakeRateOfReads(Text value, const OptionTarget& target) {
  const std::optional<double> rate = DecimalOf(value);
  if (!rate.has_value() || !(*rate > 0) || *rate > 1e9) return "use reads a second of each job, above 0 and at most 1000000000";
  target.job->job.rate_reads = *rate;
  return "";
}

std::string TakeRateOfBytes(Text value, const OptionTarget& target) {
  const std::optional<uint64_t> rate = BytesOf(value);
  if (!rate.has_value() || *rate == 0 || *rate > kMaxRate) return "use bytes a second of each job, such as 100M, at most 1024T";
  target.job->job.rate_bytes = static_cast<double>(*rate);
  return "";
}

std::string TakeRuntime(Text value, const OptionTarget& target) {
  const std::optional<double> seconds = SecondsOf(value);
  if (!seconds.has_value() || *seconds < 0.001 || *seconds > kMaxSeconds) {
    return "use a duration such as 10s, 500ms or 2m, of 1ms to 168h";
  }
  target.job->job.runtime_seconds = *seconds;
  return "";
}

std::string TakeRamp(Text value, const OptionTarget& target) {
  const std::optional<double> seconds = SecondsOf(value);
  if (!seconds.has_value() || *seconds > kMaxSeconds) return "use 0 or a duration such as 1s, 500ms or 2m, at most 168h";
  target.job->job.ramp_seconds = *seconds;
  return "";
}

std::string TakeBytes(Text value, uint64_t& place) {
  return Store(BytesOf(value), place, "use bytes, or 64KiB, 1MiB, 1GiB, 1T: units are powers of 1024");
}

std::string TakeNode(Text value, const OptionTarget& target) {
  const std::optional<uint64_t> node = CountOf(value, 65535);
  if (!node.has_value()) return "use one node's number, as lscpu lists them";
  target.job->job.numa = static_cast<uint32_t>(*node);
  return "";
}

std::string TakeFormat(Text value, const OptionTarget& target) {
  constexpr std::array<std::pair<Text, OutputFormat>, 3> kFormats = {
      {{"normal", OutputFormat::kNormal}, {"json", OutputFormat::kJson}, {"csv", OutputFormat::kCsv}}};
  for (const auto& [name, format] : kFormats) {
    if (name != value) continue;
    target.run->output_format = format;
    return "";
  }
  return "use normal, json or csv";
}

/// 127.0.0.1:PORT or localhost:PORT; what has no colon is a file.
std::string TakeMetrics(Text value, const OptionTarget& target) {
  const size_t colon = value.rfind(':');
  if (colon != Text::npos && !absl::StrContains(value, '/')) {
    const Text host = value.substr(0, colon);
    const std::optional<uint64_t> port = CountOf(value.substr(colon + 1), 65535);
    if ((host != "127.0.0.1" && host != "localhost") || port.value_or(0) == 0) return kLoopback;
  }
  target.run->metrics = std::string(value);
  return "";
}

constexpr BenchOption kTable[] = {
    {"filename", false, false, TakeVolumes},
    {"name", false, false, TakeName},
    {"rw", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(ListOf(value, AccessNamed), target.job->accesses,
                    "use read, randread, or read,randread: penstock bench never writes");
     }},
    {"bs", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(ListOf(value, BlockSizesNamed), target.job->block_sizes, kSizeList);
     }},
    {"iodepth", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(ListOf(value, PositiveCount<IngestOptions::kMaxDepth>), target.job->iodepths,
                    absl::StrCat("use reads in flight of 1 to ", IngestOptions::kMaxDepth, ", or a list such as 1,8,32"));
     }},
    {"numjobs", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(ListOf(value, PositiveCount<kMaxJobs>), target.job->numjobs,
                    absl::StrCat("use threads of 1 to ", kMaxJobs, ", or a list such as 1,2,4"));
     }},
    {"runtime", false, false, TakeRuntime},
    {"ramp_time", false, false, TakeRamp},
    {"size", false, false, [](Text value, const OptionTarget& target) { return TakeBytes(value, target.job->job.size_bytes); }},
    {"offset", false, false,
     [](Text value, const OptionTarget& target) { return TakeBytes(value, target.job->job.offset_bytes); }},
    {"random_distribution", false, false, TakeDistribution},
    {"rate", false, false, TakeRateOfBytes},
    {"rate_iops", false, false, TakeRateOfReads},
    {"paths", false, false, TakePaths},
    {"device", false, false, TakeDevice},
    {"op", false, false, TakeOperation},
    {"pattern", false, false,
     [](Text value, const OptionTarget& target) {
       target.job->job.pattern = std::string(value);
       return std::string();
     }},
    {"workgroups", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(PositiveCount<kMaxWorkgroups>(value), target.job->job.workgroups, absl::StrCat("use 1 to ", kMaxWorkgroups));
     }},
    {"buffer", false, false, TakeBuffer},
    {"hugepages", false, false, TakeHugePages},
    {"iopoll", true, false,
     [](Text value, const OptionTarget& target) { return Store(SwitchOf(value), target.job->job.poll_device, "use 0 or 1"); }},
    {"sqpoll", true, false,
     [](Text value, const OptionTarget& target) { return Store(SwitchOf(value), target.job->job.kernel_thread, "use 0 or 1"); }},
    {"batch_submit", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(PositiveCount<IngestOptions::kMaxDepth>(value), target.job->job.batch_submit, "use 1 to iodepth");
     }},
    {"batch_complete", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(PositiveCount<IngestOptions::kMaxDepth>(value), target.job->job.batch_complete, "use 1 to iodepth");
     }},
    {"cpus", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(NumberListOf(value), target.job->job.cpus, "use processors' numbers, none twice, such as 0-3,8");
     }},
    {"numa", false, false, TakeNode},
    {"seed", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(CountOf(value, UINT64_MAX), target.job->job.seed, "use a number of 0 to 18446744073709551615");
     }},
    {"steadystate", false, false,
     [](Text value, const OptionTarget& target) {
       return Store(FractionOf(value), target.job->job.steady_fraction,
                    "use a fraction or a percentage, above 0 and below 1: 0.02 or 2%");
     }},
    {"loops", false, true,
     [](Text value, const OptionTarget& target) {
       return Store(PositiveCount<kMaxLoops>(value), target.run->loops, absl::StrCat("use 1 to ", kMaxLoops));
     }},
    {"output", false, true,
     [](Text value, const OptionTarget& target) {
       target.run->output = std::string(value);
       return std::string();
     }},
    {"output_format", false, true, TakeFormat},
    {"metrics", false, true, TakeMetrics},
};

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

std::vector<Text> Names() {
  std::vector<Text> names;
  for (const BenchOption& option : kTable) names.push_back(option.name);
  return names;
}

}  // namespace

absl::Span<const BenchOption> BenchOptionTable() { return kTable; }

const BenchOption* FindBenchOption(Text name) {
  const std::string underscored = absl::StrReplaceAll(name, {{"-", "_"}});
  for (const BenchOption& option : kTable) {
    if (option.name == underscored) return &option;
  }
  return nullptr;
}

std::string Printable(Text text) {
  constexpr size_t kMostPrinted = 80;
  const std::string escaped = absl::Utf8SafeCEscape(text.substr(0, kMostPrinted));
  return text.size() > kMostPrinted ? absl::StrCat(escaped, "...") : escaped;
}

absl::Status UnknownBenchOption(Text name, Text dashes) {
  const std::string underscored = absl::StrReplaceAll(name, {{"-", "_"}});
  const std::string there_is_none = absl::StrCat("there is no option ", dashes, Printable(name));
  if (const std::optional<std::string> advice = AdviceOnFioName(underscored); advice.has_value()) {
    return Wrong(absl::StrCat(there_is_none, ": it is fio's, not ours"), *advice);
  }
  const std::optional<std::string> nearest = NearestName(underscored, Names());
  if (!nearest.has_value()) return Wrong(there_is_none, "see penstock bench --help");
  return Wrong(there_is_none, absl::StrCat("write ", dashes, *nearest, ", or see penstock bench --help"));
}

absl::Status TakeBenchOption(const BenchOption& option, Text value, Text dashes, const OptionTarget& target) {
  const std::string name = absl::StrCat(dashes, option.name);
  if (option.is_of_run && target.run == nullptr) {
    return Wrong(absl::StrCat(name, " is of all runs, not of one section"),
                 absl::StrCat("put it into [global], or write --", option.name, " on the command line"));
  }
  if (value.empty()) return Wrong(absl::StrCat(name, " has no value"), absl::StrCat("write ", name, "=VALUE"));
  if (absl::StrContains(value, '\0')) return Wrong(absl::StrCat(name, " has a NUL in its value"), "leave it out");
  std::string allowed = option.take(value, target);
  if (allowed.empty()) return absl::OkStatus();
  return Wrong(absl::StrCat(name, "=", Printable(value)), std::move(allowed));
}

}  // namespace penstock::bench
