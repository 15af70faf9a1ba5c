// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names of files and words of others, as lines of text hold them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace penstock::cli {

/// `text` with its control characters written as \n, \t, \r or \x1b: none can make another line of a table, or reach a terminal.
inline std::string OneLine(absl::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (c == '\r') {
      line += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      line += absl::StrFormat("\\x%02x", byte);
    } else {
      line += c;
    }
  }
  return line;
}

/// `text` with U+FFFD for what is no UTF-8, as JSON has it: a file's name may be any bytes, and formats that others read may not.
inline std::string ValidUtf8(absl::string_view text) {
  const nlohmann::json json = std::string(text);
  return nlohmann::json::parse(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)).get<std::string>();
}

}  // namespace penstock::cli
