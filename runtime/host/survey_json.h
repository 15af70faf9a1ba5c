// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A host, its volumes and its GPUs as JSON objects, as docs/paths.md describes them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "penstock/survey.h"
#include "runtime/host/gpus.h"

namespace penstock::host {

nlohmann::ordered_json HostJson(const HostFacts& host);
nlohmann::ordered_json HipJson(const FoundGpus& gpus);
nlohmann::ordered_json VolumeJson(const VolumeSurvey& volume);

/// All of it as one JSON object, as docs/ingest.md describes it. Names that are no UTF-8 have their odd bytes replaced.
std::string FormatSurveyJson(const Survey& survey, const FoundGpus& gpus);

}  // namespace penstock::host
