// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An error as every JSON report has it.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "penstock/error.h"

namespace penstock::host {

/// Null for OK, otherwise code, cause and remedy.
inline nlohmann::ordered_json ErrorJson(const absl::Status& status) {
  if (status.ok()) return nullptr;
  return {{"code", absl::StatusCodeToString(status.code())}, {"cause", CauseOf(status)}, {"remedy", RemedyOf(status)}};
}

}  // namespace penstock::host
