// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/pci_address.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

constexpr size_t kShortBytes = 7;          // "41:00.0"
constexpr size_t kLongestDomainBytes = 8;  // four digits of a host bridge; virtual bridges (VMD) begin at 10000

/// A hexadecimal number of nothing but digits, at most `most`.
std::optional<uint32_t> Hexadecimal(absl::string_view digits, uint32_t most) {
  const bool only_digits = std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return absl::ascii_isxdigit(c); });
  uint32_t number = 0;
  if (!only_digits || !absl::SimpleHexAtoi(digits, &number) || number > most) return std::nullopt;
  return number;
}

std::optional<PciAddress> Parse(absl::string_view text) {
  if (text.size() < kShortBytes) return std::nullopt;
  const absl::string_view rest = text.substr(text.size() - kShortBytes);
  absl::string_view domain_text = text.substr(0, text.size() - kShortBytes);
  if (rest[2] != ':' || rest[5] != '.') return std::nullopt;
  std::optional<uint32_t> domain = 0;
  if (!domain_text.empty()) {
    if (domain_text.back() != ':') return std::nullopt;
    domain_text.remove_suffix(1);
    if (domain_text.size() < 4 || domain_text.size() > kLongestDomainBytes) return std::nullopt;
    domain = Hexadecimal(domain_text, UINT32_MAX);
  }
  const std::optional<uint32_t> bus = Hexadecimal(rest.substr(0, 2), 0xFF);
  const std::optional<uint32_t> device = Hexadecimal(rest.substr(3, 2), 0x1F);
  const std::optional<uint32_t> function = Hexadecimal(rest.substr(6, 1), 7);
  if (!domain.has_value() || !bus.has_value() || !device.has_value() || !function.has_value()) return std::nullopt;
  return PciAddress{*domain, *bus << 8 | *device << 3 | *function};
}

}  // namespace

std::string PciAddress::ToString() const {
  return absl::StrFormat("%04x:%02x:%02x.%x", domain, bus_device_function >> 8 & 0xFF, bus_device_function >> 3 & 0x1F,
                         bus_device_function & 7);
}

absl::StatusOr<PciAddress> ParsePciAddress(const std::string& text) {
  const std::optional<PciAddress> address = Parse(text);
  if (address.has_value()) return *address;
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("'", text, "' is no PCI address")),
                   Fix("write it as 0000:41:00.0, as lspci -D shows it"));
}

}  // namespace penstock::driver
