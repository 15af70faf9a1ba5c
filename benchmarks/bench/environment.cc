// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/environment.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "driver/sysfs_file.h"
#include "penstock/survey.h"
#include "runtime/host/gpus.h"
#include "runtime/host/survey_json.h"

namespace penstock::bench {
namespace {

using Json = nlohmann::ordered_json;

/// Null where there is no such file.
Json TextOf(const char* path) {
  const std::optional<std::string> text = driver::ReadText(path);
  return text.has_value() ? Json(*text) : Json(nullptr);
}

Json ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
  }
  return nullptr;
}

Json CpuJson() {
  return {{"model", ProcessorName()},
          {"processors", sysconf(_SC_NPROCESSORS_ONLN)},
          {"numa_nodes", TextOf("/sys/devices/system/node/online")},
          {"governor", TextOf("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")}};
}

}  // namespace

nlohmann::ordered_json EnvironmentJson(absl::Span<const std::string> volumes) {
  const Survey survey = SurveyHost(volumes);
  Json json = host::HostJson(survey.host);
  json["kernel_command_line"] = TextOf("/proc/cmdline");
  json["cpu"] = CpuJson();
  json["hip"] = host::HipJson(host::ListGpus());
  json["volume"] = Json::array();
  for (const VolumeSurvey& volume : survey.volumes) json["volume"].push_back(host::VolumeJson(volume));
  return json;
}

}  // namespace penstock::bench
