// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/ingest.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "penstock/operation.h"
#include "runtime/c/device.h"
#include "runtime/c/error.h"
#include "runtime/c/names.h"
#include "runtime/c/options.h"

/// A report, and what its sources' results point to.
struct penstock_result {
  struct Texts {
    std::string path;
    std::string cause;
    std::string remedy;
  };

  penstock::IngestReport report;
  std::vector<Texts> texts;  // one a source
};

namespace penstock::c {
namespace {

constexpr size_t kMostPatternBytes = size_t{1} << 20;

absl::StatusOr<std::vector<std::string>> PatternsOf(const penstock_ingest_options& options) {
  std::vector<std::string> patterns;
  if (options.pattern_count > 0 && options.patterns == nullptr) return NullArgument("penstock_ingest", "patterns");
  for (size_t i = 0; i < options.pattern_count; ++i) {
    const penstock_pattern& pattern = options.patterns[i];
    if (pattern.bytes == nullptr) return NullArgument("penstock_ingest", "the bytes of a pattern");
    if (pattern.length > kMostPatternBytes) {
      return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("pattern ", i, " has ", pattern.length, " bytes")),
                       Fix("give a pattern of at most 255 bytes to match, of at most 1 MiB to verify"));
    }
    patterns.emplace_back(static_cast<const char*>(pattern.bytes), pattern.length);
  }
  return patterns;
}

absl::StatusOr<std::unique_ptr<Operation>> OperationOf(int operation, const penstock_ingest_options& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> patterns, PatternsOf(options));
  switch (operation) {
    case PENSTOCK_CRC32C: return MakeCrc32cOperation();
    case PENSTOCK_HISTOGRAM: return MakeHistogramOperation();
    case PENSTOCK_MATCH: return MakeMatchOperation(patterns);
    case PENSTOCK_VERIFY: return MakeVerifyOperation(patterns.size() == 1 ? patterns.front() : "");
    case PENSTOCK_NONE: return MakeNoOperation();
    default: break;
  }
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("there is no operation ", operation)),
                   Fix("use a value of penstock_operation"));
}

absl::StatusOr<IngestOptions> OptionsOf(const penstock_ingest_options& given) {
  IngestOptions options;
  if (given.path != nullptr) {
    options.path = ReadPathNamed(given.path);
    if (!options.path.has_value()) {
      return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("there is no path '", given.path, "'")),
                       Fix("name bar, nvme, read or pread, or none"));
    }
  }
  if (given.chunk_bytes != 0) options.chunk_bytes = given.chunk_bytes;
  if (given.depth != 0) options.depth = given.depth;
  options.offset_bytes = given.offset_bytes;
  if (given.length_bytes != 0) options.length_bytes = given.length_bytes;
  return options;
}

std::unique_ptr<penstock_result> ResultOf(IngestReport report) {
  auto result = std::make_unique<penstock_result>();
  for (const SourceReport& source : report.sources) {
    result->texts.push_back({source.path.has_value() ? std::string(ReadPathName(*source.path)) : "",
                             source.status.ok() ? "" : CauseOf(source.status), RemedyOf(source.status)});
  }
  result->report = std::move(report);
  return result;
}

/// What a device is used for is an ingest, or something else.
absl::Status TakeFresh(penstock_device& device) {
  if (!std::exchange(device.used, true)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat("device ", device.name, " has been used already")),
                   Fix("open another one for this ingest"));
}

/// What a run is given, without where its result goes.
struct RunArguments {
  penstock_device* device;
  const char* const* sources;
  size_t source_count;
  int operation;
  const penstock_ingest_options* options;
};

absl::Status Run(const RunArguments& given, penstock_result** result) {
  if (result == nullptr) return NullArgument("penstock_ingest", "result");
  penstock_device* const device = given.device;
  if (device == nullptr) return NullArgument("penstock_ingest", "device");
  PENSTOCK_ASSIGN_OR_RETURN(const penstock_ingest_options read,
                            Read(given.options, sizeof(penstock_ingest_options), "penstock_ingest_options"));
  PENSTOCK_ASSIGN_OR_RETURN(IngestOptions options, OptionsOf(read));
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            ReadNames(given.sources, given.source_count, "penstock_ingest", "sources"));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<Operation> operation, OperationOf(given.operation, read));
  PENSTOCK_RETURN_IF_ERROR(TakeFresh(*device));
  options.cancel = &device->cancelled;
  PENSTOCK_ASSIGN_OR_RETURN(IngestReport report, Ingest(*device->device, names, *operation, options));
  *result = ResultOf(std::move(report)).release();
  return (*result)->report.status;
}

absl::Status WriteSource(const penstock_result* result, size_t index, penstock_source_result* source) {
  if (result == nullptr) return NullArgument("penstock_result_source", "result");
  if (source == nullptr) return NullArgument("penstock_result_source", "source");
  const std::vector<SourceReport>& reports = result->report.sources;
  if (index >= reports.size()) {
    return MakeError(absl::StatusCode::kOutOfRange, What(absl::StrCat("there is no source ", index, " among ", reports.size())),
                     Fix("ask for one below penstock_result_count"));
  }
  const SourceReport& report = reports[index];
  const penstock_result::Texts& texts = result->texts[index];
  penstock_source_result filled = {};
  filled.size = source->size;
  filled.code = static_cast<int32_t>(report.status.code());
  filled.crc32c = report.result.crc32c.value_or(0);
  filled.bytes = report.bytes;
  filled.matches = report.result.matches.value_or(0);
  filled.first_difference = report.result.first_difference.value_or(0);
  filled.name = report.name.c_str();
  filled.path = texts.path.c_str();
  filled.cause = texts.cause.c_str();
  filled.remedy = texts.remedy.c_str();
  filled.histogram = report.result.histogram.has_value() ? report.result.histogram->data() : nullptr;
  return Write(filled, sizeof(penstock_source_result), "penstock_source_result", source);
}

}  // namespace
}  // namespace penstock::c

int penstock_ingest(penstock_device* device, const char* const* sources, size_t source_count, int operation,
                    const penstock_ingest_options* options, penstock_result** result, penstock_error** error) {
  return penstock::c::Guarded(error, [&] {
    return penstock::c::Run({device, sources, source_count, operation, options}, result);
  });
}

void penstock_ingest_cancel(penstock_device* device) {
  if (device != nullptr) device->cancelled.store(true);
}

size_t penstock_result_count(const penstock_result* result) { return result != nullptr ? result->report.sources.size() : 0; }

double penstock_result_seconds(const penstock_result* result) { return result != nullptr ? result->report.seconds : 0; }

int penstock_result_source(const penstock_result* result, size_t index, penstock_source_result* source, penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::WriteSource(result, index, source); });
}

void penstock_result_free(penstock_result* result) { delete result; }
