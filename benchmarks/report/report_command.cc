// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/report_command.h"

#include <cstdio>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/report/google_benchmark.h"
#include "benchmarks/report/output_file.h"
#include "benchmarks/report/page.h"
#include "benchmarks/report/prometheus.h"
#include "benchmarks/report/result_file.h"
#include "benchmarks/report/result_names.h"
#include "penstock/error.h"

namespace penstock::report {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr size_t kMostResults = 16;

constexpr char kHelp[] = R"(penstock report makes a page, or data for other programs, of results of penstock bench.

usage: penstock report RESULT.json... -o report.html [--force]
       penstock report RESULT.json... --format=html|gbench|prometheus [-o FILE]

  -o FILE             where to write; - is standard output (the default, except for html)
  --format=html       one page that needs no network: which path is best, what limits it, curves, proof, environment. Of
                      several results, 16 at most, the first is what the others are compared with
  --format=gbench     Google Benchmark's JSON, of one result, for its compare.py
  --format=prometheus Prometheus' text format
  --force             replace FILE, as a whole: if that fails, it stays as it was

Exit status: 0; 1 if a result cannot be read or FILE not be written; 2 for a wrong command line.

  penstock report before.json after.json -o report.html
)";

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

absl::StatusOr<Format> ParseFormat(absl::string_view name) {
  if (name == "html") return Format::kHtml;
  if (name == "gbench") return Format::kGoogleBenchmark;
  if (name == "prometheus") return Format::kPrometheus;
  return Wrong(absl::StrCat("--format=", name, " is none that a report can have"), "set it to html, gbench or prometheus");
}

absl::Status CheckRequest(const ReportRequest& request) {
  if (request.help) return absl::OkStatus();
  if (request.results.empty()) return Wrong("no result is given", "name files that penstock bench has written");
  if (request.results.size() > kMostResults) {
    return Wrong(absl::StrCat(request.results.size(), " results are more than ", kMostResults), "make several reports of them");
  }
  if (request.format == Format::kGoogleBenchmark && request.results.size() > 1) {
    return Wrong(absl::StrCat("--format=gbench takes one result, not ", request.results.size()),
                 "write a file for each, and give both to compare.py");
  }
  if (request.output.empty()) return Wrong("no output is given", "say where the page goes: -o report.html, or -o -");
  return absl::OkStatus();
}

/// The argument's value if it is `--name=VALUE`.
std::optional<std::string> ValueOf(const std::string& argument, const char* name) {
  absl::string_view rest = argument;
  if (!absl::ConsumePrefix(&rest, name) || !absl::ConsumePrefix(&rest, "=")) return std::nullopt;
  return std::string(rest);
}

absl::StatusOr<std::string> Render(const ReportRequest& request) {
  std::vector<Result> results;
  const std::vector<std::string> names = NamesOf(request.results);
  for (size_t i = 0; i < names.size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(Result result, ReadResultFile(request.results[i]));
    result.name = names[i];
    results.push_back(std::move(result));
  }
  switch (request.format) {
    case Format::kHtml: return ReportPage(results);
    case Format::kGoogleBenchmark: return GoogleBenchmarkJson(results.front());
    case Format::kPrometheus: break;
  }
  return PrometheusText(results);
}

absl::Status WriteReport(const ReportRequest& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, Render(request));
  return WriteOutput(request, text);
}

}  // namespace

const char* ReportHelp() { return kHelp; }

absl::StatusOr<ReportRequest> ParseReportRequest(absl::Span<const std::string> arguments) {
  ReportRequest request;
  bool only_names = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (only_names || argument.empty() || argument[0] != '-') {
      request.results.push_back(argument);
    } else if (argument == "--") {
      only_names = true;
    } else if (argument == "-h" || argument == "--help") {
      request.help = true;
    } else if (argument == "--force") {
      request.overwrite = true;
    } else if (argument == "-o" || argument == "--output") {
      if (++i == arguments.size()) return Wrong(absl::StrCat(argument, " has no value"), "write -o FILE");
      request.output = arguments[i];
    } else if (const std::optional<std::string> file = ValueOf(argument, "--output")) {
      request.output = *file;
    } else if (const std::optional<std::string> name = ValueOf(argument, "--format")) {
      PENSTOCK_ASSIGN_OR_RETURN(request.format, ParseFormat(*name));
    } else {
      return Wrong(absl::StrCat("report has no option ", argument), "see penstock report --help");
    }
  }
  if (request.output.empty() && request.format != Format::kHtml) request.output.assign(1, '-');
  PENSTOCK_RETURN_IF_ERROR(CheckRequest(request));
  return request;
}

int RunReportCommand(absl::Span<const std::string> arguments) {
  const auto complain = [](const absl::Status& status) {
    absl::FPrintF(stderr, "penstock: %s\n", cli::OneLine(status.message()));
  };
  const absl::StatusOr<ReportRequest> request = ParseReportRequest(arguments);
  if (!request.ok()) {
    complain(request.status());
    return kExitUsage;
  }
  const absl::Status status = request->help ? WriteOutput({.output = "-"}, kHelp) : WriteReport(*request);
  if (status.ok()) return 0;
  complain(status);
  return kExitFailed;
}

}  // namespace penstock::report
