// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "penstock/error.h"
#include "penstock/survey.h"
#include "runtime/c/error.h"
#include "runtime/c/names.h"
#include "runtime/host/survey_json.h"

namespace penstock::c {
namespace {

absl::StatusOr<std::string> Probe(const char* const* names, size_t name_count) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> volumes, ReadNames(names, name_count, "penstock_probe", "names"));
  return host::FormatSurveyJson(SurveyHost(volumes), host::ListGpus());
}

}  // namespace
}  // namespace penstock::c

int penstock_probe(const char* const* names, size_t name_count, char** json, penstock_error** error) {
  if (json == nullptr) return penstock::c::Report(penstock::c::NullArgument("penstock_probe", "json"), error);
  const absl::StatusOr<std::string> text = penstock::c::Probe(names, name_count);
  if (text.ok()) *json = strdup(text->c_str());
  return penstock::c::Report(text.status(), error);
}

void penstock_text_free(char* text) { std::free(text); }
