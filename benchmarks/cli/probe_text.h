// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `penstock probe` prints for people.
#pragma once

#include <string>

#include "penstock/survey.h"
#include "runtime/host/gpus.h"

namespace penstock::cli {

/// Some lines: the host, then a block for each volume.
std::string FormatSurvey(const Survey& survey, const host::FoundGpus& gpus);

}  // namespace penstock::cli
