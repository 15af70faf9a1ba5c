// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/error.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "penstock/check.h"

namespace penstock {
namespace {

constexpr char kErrnoPayload[] = "penstock.errno";
constexpr char kNvmePayload[] = "penstock.nvme_status";
constexpr std::string_view kFixMark = ". Fix: ";
constexpr uint16_t kDoNotRetry = 1u << 14;

std::optional<int> NumberIn(const absl::Status& status, const char* payload_name) {
  const auto payload = status.GetPayload(payload_name);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, What what, Fix fix) {
  PENSTOCK_CHECK(code != absl::StatusCode::kOk);
  return absl::Status(code, absl::StrCat(what.text, ". Fix: ", fix.text, "."));
}

absl::Status MakeErrnoError(absl::StatusCode code, int error_number, What what, Fix fix) {
  const char* name = strerrorname_np(error_number);
  absl::Status status = MakeError(
      code, What(absl::StrCat(what.text, ": ", name != nullptr ? name : "errno", " (", std::strerror(error_number), ")")),
      std::move(fix));
  status.SetPayload(kErrnoPayload, absl::Cord(absl::StrCat(error_number)));
  return status;
}

absl::Status MakeNvmeError(absl::StatusCode code, uint16_t nvme_status, What what, Fix fix) {
  PENSTOCK_CHECK(nvme_status != 0);
  absl::Status status = MakeError(code,
                                  What(absl::StrCat(what.text, " (NVMe status 0x", absl::Hex(nvme_status),
                                                    (nvme_status & kDoNotRetry) != 0 ? ", do not retry)" : ")")),
                                  std::move(fix));
  status.SetPayload(kNvmePayload, absl::Cord(absl::StrCat(nvme_status)));
  return status;
}

absl::Status Annotate(const absl::Status& status, std::string_view where) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(std::string(where), ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

std::optional<int> ErrnoOf(const absl::Status& status) { return NumberIn(status, kErrnoPayload); }

std::optional<uint16_t> NvmeStatusOf(const absl::Status& status) {
  const auto number = NumberIn(status, kNvmePayload);
  return number.has_value() ? std::optional(static_cast<uint16_t>(*number)) : std::nullopt;
}

std::string RemedyOf(const absl::Status& status) {
  const std::string_view text(status.message().data(), status.message().size());
  const size_t at = text.rfind(kFixMark);
  if (at == std::string_view::npos) return "";
  std::string_view remedy = text.substr(at + kFixMark.size());
  if (remedy.ends_with('.')) remedy.remove_suffix(1);
  return std::string(remedy);
}

std::string CauseOf(const absl::Status& status) {
  const std::string_view text(status.message().data(), status.message().size());
  return std::string(text.substr(0, text.rfind(kFixMark)));
}

}  // namespace penstock
