// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A host, its volumes and its GPUs as JSON objects, as docs/paths.md describes them.
#pragma once

#include <nlohmann/json.hpp>

#include "benchmarks/cli/gpu.h"
#include "penstock/survey.h"

namespace penstock::cli {

nlohmann::ordered_json HostJson(const HostFacts& host);
nlohmann::ordered_json HipJson(const FoundGpus& gpus);
nlohmann::ordered_json VolumeJson(const VolumeSurvey& volume);

}  // namespace penstock::cli
