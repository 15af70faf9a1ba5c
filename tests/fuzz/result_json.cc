// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any text as a result of penstock bench: it is refused with a remedy, or every report can be made of it.
#include <string>

#include "absl/types/span.h"
#include "benchmarks/report/google_benchmark.h"
#include "benchmarks/report/page.h"
#include "benchmarks/report/prometheus.h"
#include "benchmarks/report/result_file.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<report::Result> result = report::ParseResult(text, "result");
  if (!result.ok()) {
    PENSTOCK_CHECK(!RemedyOf(result.status()).empty());
    return 0;
  }
  // Twice, so that it is compared as well.
  const report::Result results[] = {*result, *result};
  PENSTOCK_CHECK(!report::ReportPage(results).empty());
  PENSTOCK_CHECK(!report::GoogleBenchmarkJson(*result).empty());
  PENSTOCK_CHECK(result->runs.empty() || !report::PrometheusText(results).empty());
  return 0;
}
