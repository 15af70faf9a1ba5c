// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `penstock probe` prints.
#pragma once

#include <string>

#include "benchmarks/cli/gpu.h"
#include "penstock/survey.h"

namespace penstock::cli {

/// Some lines for people: the host, then a block for each volume.
std::string FormatSurvey(const Survey& survey, const FoundGpus& gpus);

/// One JSON object, as docs/ingest.md describes it. Names that are no UTF-8 have their odd bytes replaced.
std::string FormatSurveyJson(const Survey& survey, const FoundGpus& gpus);

}  // namespace penstock::cli
