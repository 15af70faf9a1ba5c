// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "penstock/error.h"
#include "penstock/survey.h"
#include "runtime/c/error.h"
#include "runtime/c/names.h"
#include "runtime/host/survey_json.h"

namespace penstock::c {
namespace {

absl::Status Probe(const char* const* names, size_t name_count, char** json) {
  if (json == nullptr) return NullArgument("penstock_probe", "json");
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> volumes, ReadNames(names, name_count, "penstock_probe", "names"));
  const std::string text = host::FormatSurveyJson(SurveyHost(volumes), host::ListGpus());
  *json = strdup(text.c_str());
  if (*json == nullptr) throw std::bad_alloc();
  return absl::OkStatus();
}

}  // namespace
}  // namespace penstock::c

int penstock_probe(const char* const* names, size_t name_count, char** json, penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Probe(names, name_count, json); });
}

void penstock_text_free(char* text) { std::free(text); }
