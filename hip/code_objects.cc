// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/code_objects.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

struct GenericTarget {
  std::string_view name;
  std::string_view member;
};

// LLVM's AMDGPU usage, "Generic Processors".
constexpr GenericTarget kGenericTargets[] = {
    {"gfx9-4-generic", "gfx940"}, {"gfx9-4-generic", "gfx941"}, {"gfx9-4-generic", "gfx942"}, {"gfx9-4-generic", "gfx950"},
    {"gfx11-generic", "gfx1100"}, {"gfx11-generic", "gfx1101"}, {"gfx11-generic", "gfx1102"}, {"gfx11-generic", "gfx1103"},
    {"gfx11-generic", "gfx1150"}, {"gfx11-generic", "gfx1151"}, {"gfx11-generic", "gfx1152"}, {"gfx11-generic", "gfx1153"},
};

std::string_view WithoutFeatures(std::string_view architecture) { return architecture.substr(0, architecture.find(':')); }

std::string_view GenericTargetOf(std::string_view target) {
  const auto* found = std::ranges::find(kGenericTargets, target, &GenericTarget::member);
  return found == std::end(kGenericTargets) ? std::string_view() : found->name;
}

const CodeObject* Find(absl::Span<const CodeObject> objects, std::string_view target) {
  const auto found = std::ranges::find(objects, target, &CodeObject::target);
  return found == objects.end() ? nullptr : &*found;
}

}  // namespace

const CodeObject* ChooseCodeObject(absl::Span<const CodeObject> objects, std::string_view architecture) {
  const std::string_view target = WithoutFeatures(architecture);
  if (const CodeObject* exact = Find(objects, target); exact != nullptr) return exact;
  const std::string_view generic = GenericTargetOf(target);
  return generic.empty() ? nullptr : Find(objects, generic);
}

absl::Status NoCodeObjectError(absl::Span<const CodeObject> objects, std::string_view architecture) {
  const std::string target(WithoutFeatures(architecture));
  std::vector<std::string> targets;
  for (const CodeObject& object : objects) targets.emplace_back(object.target);
  const std::string built = absl::StrJoin(targets, ", ");
  targets.push_back(target);
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   What(absl::StrCat("the GPU is a ", target, ", and this build has code for ", built, " only")),
                   Fix(absl::StrCat("build Penstock with '-DPENSTOCK_AMD_TARGETS=", absl::StrJoin(targets, ";"), "'")));
}

}  // namespace penstock::hip
