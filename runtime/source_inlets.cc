// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/source_inlets.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "penstock/volume.h"

namespace penstock {

std::optional<std::string> InletKey(const std::string& source) {
  struct stat status {};
  if (stat(source.c_str(), &status) != 0) return std::nullopt;
  const char* const kind = S_ISCHR(status.st_mode) ? "char " : "";
  const dev_t device = S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode) ? status.st_rdev : status.st_dev;
  return absl::StrCat(kind, major(device), ":", minor(device));
}

std::vector<std::optional<std::string>> InletKeys(absl::Span<const std::string> sources) {
  std::map<std::string, std::string> known;  // by what stat tells; a tree has many files and few devices
  std::vector<std::optional<std::string>> keys;
  for (const std::string& source : sources) {
    std::optional<std::string>& key = keys.emplace_back(InletKey(source));
    if (!key.has_value()) continue;
    const auto [it, is_new] = known.try_emplace(*key, *key);
    if (is_new) it->second = ControllerOf(source).value_or(*key);
    key = it->second;
  }
  return keys;
}

std::vector<std::vector<uint32_t>> SortIntoInlets(absl::Span<const std::optional<std::string>> keys) {
  std::vector<std::vector<uint32_t>> inlets(1);
  std::map<std::string, uint32_t> inlet_of;
  for (uint32_t index = 0; index < keys.size(); ++index) {
    uint32_t inlet = 0;
    if (keys[index].has_value()) {
      inlet = inlet_of.try_emplace(*keys[index], static_cast<uint32_t>(inlet_of.size()) % kMaxInlets).first->second;
    }
    if (inlet == inlets.size()) inlets.emplace_back();
    inlets[inlet].push_back(index);
  }
  return inlets;
}

}  // namespace penstock
