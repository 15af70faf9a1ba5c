// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What may be unknown, as every JSON report has it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace penstock::host {

template <typename T>
nlohmann::ordered_json OrNull(const std::optional<T>& value) {
  return value.has_value() ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace penstock::host
