// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/json_fields.h"

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::report {
namespace {

const Json& EmptyObject() {
  static const Json* const kEmpty = new Json(Json::object());
  return *kEmpty;
}

const Json& EmptyArray() {
  static const Json* const kEmpty = new Json(Json::array());
  return *kEmpty;
}

/// A string without its quotes, anything else as JSON.
std::string Plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

JsonFields::JsonFields(const Json& object, std::string pointer, const std::string& file, absl::Status& status)
    : object_(object.is_object() ? object : EmptyObject()), pointer_(std::move(pointer)), file_(file), status_(status) {
  if (object.is_object() || !status_.ok()) return;
  status_ = MakeError(absl::StatusCode::kInvalidArgument,
                      What(absl::StrCat("result ", file_, ": ", pointer_, " is ", object.type_name(), ", not an object")),
                      Fix("give it a file that penstock bench --output-format=json has written"));
}

const Json* JsonFields::Find(const char* key, bool (Json::*is_kind)() const noexcept, const char* kind) const {
  if (!status_.ok()) return nullptr;
  const auto found = object_.find(key);
  if (found == object_.end()) {
    status_ = MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("result ", file_, " lacks ", PointerTo(key))),
                        Fix("measure again with the penstock that reads it; docs/bench.md lists the fields"));
    return nullptr;
  }
  if (!((*found).*is_kind)()) {
    status_ =
        MakeError(absl::StatusCode::kInvalidArgument,
                  What(absl::StrCat("result ", file_, ": ", PointerTo(key), " is of type ", found->type_name(), ", not ", kind)),
                  Fix("measure again with the penstock that reads it; docs/bench.md lists the fields"));
    return nullptr;
  }
  return &*found;
}

void JsonFields::Read(const char* key, std::string& out) const {
  if (const Json* value = Find(key, &Json::is_string, "string")) out = value->get<std::string>();
}

void JsonFields::Read(const char* key, bool& out) const {
  if (const Json* value = Find(key, &Json::is_boolean, "boolean")) out = value->get<bool>();
}

void JsonFields::Read(const char* key, double& out) const {
  if (const Json* value = Find(key, &Json::is_number, "number")) out = value->get<double>();
}

void JsonFields::Read(const char* key, uint64_t& out) const {
  if (const Json* value = Find(key, &Json::is_number_unsigned, "whole number of at least 0")) out = value->get<uint64_t>();
}

void JsonFields::Read(const char* key, std::vector<std::string>& out) const {
  if (const Json* list = Find(key, &Json::is_array, "array")) {
    for (const Json& element : *list) out.push_back(Plain(element));
  }
}

void JsonFields::ReadOrNull(const char* key, double& out) const {
  const auto found = object_.find(key);
  if (found == object_.end() || !found->is_null()) Read(key, out);
}

void JsonFields::ReadOrNull(const char* key, std::optional<double>& out) const {
  const auto found = object_.find(key);
  if (found != object_.end() && found->is_null()) return;
  if (const Json* value = Find(key, &Json::is_number, "number or null")) out = value->get<double>();
}

void JsonFields::ReadOrNull(const char* key, std::optional<bool>& out) const {
  const auto found = object_.find(key);
  if (found != object_.end() && found->is_null()) return;
  if (const Json* value = Find(key, &Json::is_boolean, "boolean or null")) out = value->get<bool>();
}

void JsonFields::ReadJoined(const char* key, std::string& out) const {
  if (status_.ok() && object_.contains(key) && !Has(key)) return;
  const Json* const value = Find(key, &Json::is_array, "array");
  if (value == nullptr) return;
  for (const Json& element : *value) absl::StrAppend(&out, out.empty() ? "" : ",", Plain(element));
}

bool JsonFields::Has(const char* key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

const Json& JsonFields::Object(const char* key) const {
  const Json* const value = Find(key, &Json::is_object, "object");
  return value == nullptr ? EmptyObject() : *value;
}

const Json& JsonFields::Array(const char* key) const {
  const Json* const value = Find(key, &Json::is_array, "array");
  return value == nullptr ? EmptyArray() : *value;
}

JsonFields JsonFields::Fields(const char* key) const { return {Object(key), PointerTo(key), file_, status_}; }

JsonFields JsonFields::Element(const char* key, size_t index) const {
  return {object_.at(key).at(index), absl::StrCat(PointerTo(key), "/", index), file_, status_};
}

}  // namespace penstock::report
