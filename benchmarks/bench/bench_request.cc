// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/bench_request.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "benchmarks/bench/grid.h"
#include "benchmarks/bench/job_check.h"
#include "benchmarks/bench/job_file.h"
#include "benchmarks/bench/option_table.h"
#include "benchmarks/bench/volume_names.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

struct Assignment {
  const BenchOption* option;
  std::string value;
};

/// The command line, taken apart.
struct Words {
  bool help = false;
  std::vector<std::string> volumes;
  std::optional<std::string> job_file;
  std::vector<Assignment> assignments;
};

class WordReader {
 public:
  explicit WordReader(absl::Span<const std::string> arguments) : arguments_(arguments) {}

  absl::StatusOr<Words> Read() {
    bool only_volumes = false;
    for (; next_ < arguments_.size(); ++next_) {
      const std::string& word = arguments_[next_];
      if (only_volumes || word.size() < 2 || word[0] != '-') {
        PENSTOCK_RETURN_IF_ERROR(only_volumes ? TakeVolume(word) : TakeName(word));
      } else if (word == "--") {
        only_volumes = true;
      } else {
        PENSTOCK_RETURN_IF_ERROR(TakeOption(word));
      }
    }
    return std::move(words_);
  }

 private:
  absl::Status TakeVolume(const std::string& word) {
    if (word.empty() || absl::StrContains(word, '\0')) {
      return Wrong("a volume without a name", "name a file, a block device or an NVMe namespace");
    }
    if (words_.volumes.size() == kMaxVolumes) return Wrong("too many volumes", absl::StrCat("name at most ", kMaxVolumes));
    words_.volumes.push_back(word);
    return absl::OkStatus();
  }

  absl::Status TakeName(const std::string& word) { return absl::EndsWith(word, ".fio") ? TakeJobFile(word) : TakeVolume(word); }

  absl::Status TakeJobFile(absl::string_view path) {
    if (path.empty()) return Wrong("--jobfile has no value", "write --jobfile=FILE");
    if (words_.job_file.has_value()) {
      return Wrong(absl::StrCat("two job files, ", Printable(*words_.job_file), " and ", Printable(path)),
                   "give one; it may have several sections");
    }
    words_.job_file = std::string(path);
    return absl::OkStatus();
  }

  absl::Status TakeOption(const std::string& word) {
    if (word == "-h" || word == "--help") {
      words_.help = true;
      return absl::OkStatus();
    }
    absl::string_view name = word;
    const bool has_dashes = absl::ConsumePrefix(&name, "--");
    const size_t equals = name.find('=');
    std::optional<absl::string_view> value;
    if (equals != absl::string_view::npos) value = name.substr(equals + 1);
    name = name.substr(0, equals);
    if (!has_dashes) return Wrong(absl::StrCat("there is no option ", Printable(word)), "write two dashes: --option=value");
    const bool is_job_file = name == "jobfile";
    const BenchOption* const option = is_job_file ? nullptr : FindBenchOption(name);
    if (option == nullptr && !is_job_file) return UnknownBenchOption(name, "--");
    if (!value.has_value()) value = option != nullptr && option->is_switch ? "1" : NextWord();
    if (is_job_file) return TakeJobFile(*value);
    words_.assignments.push_back({option, std::string(*value)});
    return absl::OkStatus();
  }

  /// The value in `--option value`; empty, which no option takes, if there is none.
  absl::string_view NextWord() { return next_ + 1 < arguments_.size() ? absl::string_view(arguments_[++next_]) : ""; }

  absl::Span<const std::string> arguments_;
  size_t next_ = 0;
  Words words_;
};

/// The sections of the job file; without one a single section, as the defaults are.
absl::StatusOr<JobFile> SectionsOf(const Words& words, const JobFileReader& read) {
  if (!words.job_file.has_value()) return JobFile{.jobs = {JobOptions()}, .run = {}};
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, read(*words.job_file));
  absl::StatusOr<JobFile> file = ParseJobFile(text);
  if (!file.ok()) return Annotate(file.status(), *words.job_file);
  return file;
}

absl::Status Apply(const Words& words, JobOptions& section, RunOptions& run) {
  for (const Assignment& assignment : words.assignments) {
    PENSTOCK_RETURN_IF_ERROR(TakeBenchOption(*assignment.option, assignment.value, "--", {&section, &run}));
  }
  if (!words.volumes.empty()) section.job.volumes = words.volumes;
  return CheckSection(section);
}

/// Neither may be there yet, so that they are compared by where they will be.
std::filesystem::path PlaceOf(const std::string& name) {
  std::error_code error;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(name, error), error);
}

/// Metrics replace their file whenever they change: results in it would be lost.
absl::Status CheckFiles(const RunOptions& options) {
  if (options.output.empty() || options.metrics.empty() || PlaceOf(options.output) != PlaceOf(options.metrics)) {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat("output and metrics are one file, ", Printable(options.output)), "name two files");
}

}  // namespace

absl::StatusOr<std::string> ReadJobFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxJobFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof())) {
    return MakeError(absl::StatusCode::kNotFound, What(absl::StrCat("job file ", Printable(path), " cannot be read")),
                     Fix("name a file that exists and that you may read; a volume whose name ends in .fio goes after --"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

absl::StatusOr<BenchRequest> ParseBench(absl::Span<const std::string> arguments, const JobFileReader& read) {
  BenchRequest request;
  PENSTOCK_ASSIGN_OR_RETURN(const Words words, WordReader(arguments).Read());
  request.help = words.help;
  if (request.help) return request;
  PENSTOCK_ASSIGN_OR_RETURN(JobFile sections, SectionsOf(words, read));
  for (JobOptions& section : sections.jobs) {
    const absl::Status status = Apply(words, section, sections.run);
    if (!status.ok()) return words.job_file.has_value() ? Annotate(status, absl::StrCat("[", section.job.name, "]")) : status;
  }
  request.options = std::move(sections.run);
  PENSTOCK_RETURN_IF_ERROR(CheckFiles(request.options));
  PENSTOCK_ASSIGN_OR_RETURN(request.runs, RunsOf(sections.jobs, request.options.loops));
  for (const Job& job : request.runs) {
    // Whether the path goes with the options is for CheckJob: what the volume says of the path comes first.
    const absl::Status status = CheckValues(job);
    if (!status.ok()) return words.job_file.has_value() ? Annotate(status, absl::StrCat("[", job.name, "]")) : status;
  }
  return request;
}

}  // namespace penstock::bench
