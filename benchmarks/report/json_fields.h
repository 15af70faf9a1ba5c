// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Takes fields out of a JSON object, and remembers the first one that is missing or of another type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "benchmarks/report/result.h"

namespace penstock::report {

/// One object of a document. The readers leave their output as it is once anything was wrong, so that the caller looks at the
/// status once, at the end. Threads: one.
class JsonFields {
 public:
  /// `pointer` is where `object` lies in the document (RFC 6901); `file` is what errors call the document.
  JsonFields(const Json& object, std::string pointer, const std::string& file, absl::Status& status);

  void Read(const char* key, std::string& out) const;
  void Read(const char* key, bool& out) const;
  void Read(const char* key, double& out) const;
  void Read(const char* key, uint64_t& out) const;
  void Read(const char* key, std::vector<std::string>& out) const;
  /// A number; null stands for 0.
  void ReadOrNull(const char* key, double& out) const;
  /// A value, or nothing for null.
  void ReadOrNull(const char* key, std::optional<double>& out) const;
  void ReadOrNull(const char* key, std::optional<bool>& out) const;
  /// A list, its elements joined by commas; null stands for none.
  void ReadJoined(const char* key, std::string& out) const;

  /// Whether the field is there and not null.
  bool Has(const char* key) const;
  /// An object or array within; an empty one once anything was wrong.
  const Json& Object(const char* key) const;
  const Json& Array(const char* key) const;
  JsonFields Fields(const char* key) const;
  /// Element `index` of the array `key`.
  JsonFields Element(const char* key, size_t index) const;

  std::string PointerTo(const char* key) const { return pointer_ + "/" + key; }

 private:
  /// The field if it is there and of the kind; otherwise null, and the status says so.
  const Json* Find(const char* key, bool (Json::*is_kind)() const noexcept, const char* kind) const;

  const Json& object_;
  std::string pointer_;
  const std::string& file_;
  absl::Status& status_;
};

}  // namespace penstock::report
