// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/io_latency/options.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/cli/byte_size.h"
#include "penstock/error.h"

namespace penstock::io_latency {
namespace {

constexpr char kHelp[] = R"(io_latency: where the time of a kernel's own reads goes, on the CPU device.

usage: io_latency VOLUME [options]

Reads a file, a block device or an NVMe namespace at random offsets, by a handler that asks for each read itself, and by the pump;
both by turns, the same reads. Prints requests a second and the handler's latency, split into request (until the service has it),
service, device I/O, and landing seen (until the handler runs again).

  --size=4KiB        bytes a read; a multiple of 4KiB
  --depth=32         reads in flight
  --requests=20000   reads a round
  --rounds=5         rounds of each; one more before is not counted
  --path=read        read, pread, nvme or bar, as of penstock ingest
  --workgroups=1     of the device
  --seed=1           of the offsets
  --json             one JSON object
)";

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

struct NumberOption {
  const char* name;
  uint32_t* value;
  uint32_t least;
  uint32_t most;
};

absl::Status TakeNumber(const NumberOption& option, const std::string& text) {
  if (absl::SimpleAtoi(text, option.value) && *option.value >= option.least && *option.value <= option.most) {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat("--", option.name, "=", text), absl::StrCat("use ", option.least, " to ", option.most));
}

absl::Status TakeSize(const std::string& text, Options& options) {
  cli::ByteSize size;
  std::string error;
  if (!cli::AbslParseFlag(text, &size, &error) || size.bytes == 0 || size.bytes % 4096 != 0 ||
      size.bytes > Options::kMaxReadBytes) {
    return Wrong(absl::StrCat("--size=", text), "use a multiple of 4KiB, at most 256MiB");
  }
  options.read_bytes = static_cast<uint32_t>(size.bytes);
  return absl::OkStatus();
}

absl::Status TakePath(const std::string& text, Options& options) {
  const std::optional<ReadPath> path = ReadPathNamed(text);
  if (!path.has_value()) return Wrong(absl::StrCat("--path=", text), "use one of bar, nvme, read, pread");
  options.path = *path;
  return absl::OkStatus();
}

absl::Status TakeOption(const std::string& name, const std::string& value, Options& options) {
  if (name == "size") return TakeSize(value, options);
  if (name == "path") return TakePath(value, options);
  const NumberOption numbers[] = {{"depth", &options.depth, 1, Options::kMaxDepth},
                                  {"requests", &options.requests, 1, Options::kMaxRequests},
                                  {"rounds", &options.rounds, 1, 1000},
                                  {"workgroups", &options.workgroups, 1, 1024},
                                  {"seed", &options.seed, 0, ~uint32_t{0}}};
  for (const NumberOption& number : numbers) {
    if (name == number.name) return TakeNumber(number, value);
  }
  return Wrong(absl::StrCat("there is no option --", name), "see io_latency --help");
}

absl::Status TakeWord(const std::string& word, Options& options) {
  if (word == "--json" || word == "--help") {
    (word == "--json" ? options.json : options.help) = true;
    return absl::OkStatus();
  }
  if (absl::StartsWith(word, "--")) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return Wrong(absl::StrCat(word, " has no value"), absl::StrCat("write ", word, "=VALUE"));
    return TakeOption(word.substr(2, equals - 2), word.substr(equals + 1), options);
  }
  if (!options.volume.empty()) return Wrong(absl::StrCat("a second volume, ", word), "name one");
  options.volume = word;
  return absl::OkStatus();
}

}  // namespace

std::string HelpText() { return kHelp; }

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& words) {
  Options options;
  for (const std::string& word : words) PENSTOCK_RETURN_IF_ERROR(TakeWord(word, options));
  if (options.help) return options;
  if (options.volume.empty()) return Wrong("no volume was given", "name a file, a block device or an NVMe namespace");
  if (uint64_t{2} * options.depth * options.read_bytes > Options::kMaxPoolBytes) {
    return Wrong(absl::StrCat("--depth=", options.depth, " with --size=", options.read_bytes, " takes more than 16 GiB"),
                 "use a smaller depth or size");
  }
  return options;
}

}  // namespace penstock::io_latency
