// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/window_line.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::cli {
namespace {

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

constexpr WindowAction kActions[] = {WindowAction::kList, WindowAction::kReserve, WindowAction::kRelease, WindowAction::kCheck};

absl::StatusOr<WindowAction> ActionNamed(const std::string& name) {
  for (const WindowAction action : kActions) {
    if (name == WindowActionName(action)) return action;
  }
  return Wrong(name.empty() ? "penstock window: no action was given" : absl::StrCat("penstock window has no action ", name),
               "write penstock window list, reserve, release N or check [N]");
}

}  // namespace

std::string WindowActionName(WindowAction action) {
  switch (action) {
    case WindowAction::kList: return "list";
    case WindowAction::kReserve: return "reserve";
    case WindowAction::kRelease: return "release";
    case WindowAction::kCheck: return "check";
  }
  return "?";
}

std::vector<std::string> OptionsOf(WindowAction action) {
  switch (action) {
    case WindowAction::kList: return {"json"};
    case WindowAction::kReserve: return {"device", "size", "json"};
    case WindowAction::kRelease: return {};
    case WindowAction::kCheck: return {"volume", "device", "json"};
  }
  return {};
}

absl::StatusOr<WindowRequest> WindowRequestOf(const std::vector<std::string>& words) {
  WindowRequest request;
  PENSTOCK_ASSIGN_OR_RETURN(request.action, ActionNamed(words.empty() ? "" : words[0]));
  const std::string name = absl::StrCat("penstock window ", words[0]);
  const bool takes_number = request.action == WindowAction::kRelease || request.action == WindowAction::kCheck;
  if (words.size() > (takes_number ? 2u : 1u)) {
    return Wrong(absl::StrCat(name, " does not take ", words.back()), "leave it out: see penstock --help");
  }
  if (words.size() == 2) {
    uint32_t number = 0;
    if (!absl::SimpleAtoi(words[1], &number)) {
      return Wrong(absl::StrCat(name, ": ", words[1], " is no window's number"), "look for it with penstock window list");
    }
    request.number = number;
  } else if (request.action == WindowAction::kRelease) {
    return Wrong(absl::StrCat(name, " names no window"), "give its number, which penstock window list tells");
  }
  return request;
}

}  // namespace penstock::cli
