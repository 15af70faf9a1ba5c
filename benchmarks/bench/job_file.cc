// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/job_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "benchmarks/bench/option_table.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

bool IsSpace(char letter) { return absl::ascii_isspace(static_cast<unsigned char>(letter)); }

/// The line without the comment and the space around it.
absl::string_view WithoutComment(absl::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if ((line[i] != '#' && line[i] != ';') || (i > 0 && !IsSpace(line[i - 1]))) continue;
    line = line.substr(0, i);
    break;
  }
  return absl::StripAsciiWhitespace(line);
}

class Sections {
 public:
  absl::Status TakeLine(absl::string_view line) {
    if (line.size() > kMaxJobFileLineBytes) {
      return Wrong(absl::StrCat("a line of ", line.size(), " bytes"), absl::StrCat("use at most ", kMaxJobFileLineBytes));
    }
    line = WithoutComment(line);
    if (line.empty()) return absl::OkStatus();
    return line.front() == '[' ? BeginSection(line) : TakeAssignment(line);
  }

  absl::StatusOr<JobFile> Finish() && {
    if (file_.jobs.empty()) return Wrong("the job file has no job", "add a section, such as [reads], after [global]");
    return std::move(file_);
  }

 private:
  absl::Status BeginSection(absl::string_view line) {
    if (line.size() < 3 || line.back() != ']') return Wrong(Printable(line), "write a section as [name]");
    const absl::string_view name = line.substr(1, line.size() - 2);
    begun_ = true;
    in_global_ = absl::EqualsIgnoreCase(name, "global");
    if (in_global_) return absl::OkStatus();
    if (file_.jobs.size() == kMaxJobFileSections) {
      return Wrong("too many sections", absl::StrCat("use at most ", kMaxJobFileSections));
    }
    file_.jobs.push_back(global_);
    file_.jobs.back().job.name = Printable(name);
    return absl::OkStatus();
  }

  absl::Status TakeAssignment(absl::string_view line) {
    const size_t equals = line.find('=');
    const absl::string_view name = absl::StripTrailingAsciiWhitespace(line.substr(0, equals));
    if (!begun_) return Wrong(absl::StrCat(Printable(name), " stands before the first section"), "write [global] above it");
    const BenchOption* const option = FindBenchOption(name);
    if (option == nullptr) return UnknownBenchOption(name, "");
    absl::string_view value = option->is_switch ? "1" : "";
    if (equals != absl::string_view::npos) value = absl::StripLeadingAsciiWhitespace(line.substr(equals + 1));
    if (in_global_) return TakeBenchOption(*option, value, "", {&global_, &file_.run});
    return TakeBenchOption(*option, value, "", {&file_.jobs.back(), nullptr});
  }

  JobOptions global_;
  JobFile file_;
  bool begun_ = false;
  bool in_global_ = false;
};

}  // namespace

absl::StatusOr<JobFile> ParseJobFile(std::string_view text) {
  if (text.size() > kMaxJobFileBytes) {
    return Wrong(absl::StrCat("a job file of ", text.size(), " bytes"), absl::StrCat("use one of at most ", kMaxJobFileBytes));
  }
  Sections sections;
  uint32_t number = 0;
  for (const absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    PENSTOCK_RETURN_IF_ERROR(Annotate(sections.TakeLine(line), absl::StrCat("line ", number)));
  }
  return std::move(sections).Finish();
}

}  // namespace penstock::bench
