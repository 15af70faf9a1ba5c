// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/probe_command.h"

#include <algorithm>
#include <string>

#include "benchmarks/cli/probe_text.h"
#include "benchmarks/cli/standard_output.h"
#include "runtime/host/survey_json.h"

namespace penstock::cli {

int RunProbe(const CommandLine& line) {
  const Survey survey = SurveyHost(line.sources);
  const host::FoundGpus gpus = host::ListGpus();
  const std::string text = line.json ? host::FormatSurveyJson(survey, gpus) : FormatSurvey(survey, gpus);
  if (Print(text) != 0) return 1;
  const bool all_usable = std::all_of(survey.volumes.begin(), survey.volumes.end(),
                                      [](const VolumeSurvey& volume) { return volume.has_working_path(); });
  return all_usable ? 0 : 1;
}

}  // namespace penstock::cli
