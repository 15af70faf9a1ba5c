// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kernel module that answers anything: windows are listed as it tells of them, or it is said that it makes no sense.
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "driver/kernel/penstock_p2p/penstock_p2p.h"
#include "driver/pci_address.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "penstock/peer_window.h"
#include "tests/fuzz/input.h"

namespace penstock {
namespace {

/// One structure of the module's, of any bytes.
template <typename T>
int Answer(fuzz::Input& input, void* argument) {
  const uint8_t choice = input.Byte();
  if (input.empty() || choice % 8 == 0) return -(choice / 8 == 0 ? ENOENT : choice / 8);
  const T answer = input.Take<T>();
  std::memcpy(argument, &answer, sizeof(answer));
  return 0;
}

/// As a rule the answer to a query makes sense but for what is spoilt in it: few bytes of an input are enough for a window.
int AnswerQuery(fuzz::Input& input, void* argument) {
  const uint8_t choice = input.Byte();
  if (input.empty()) return -ENOENT;
  if (choice % 8 == 0) return -(choice / 8 == 0 ? ENOENT : choice / 8);
  penstock_p2p_query query = {};
  query.window = static_cast<penstock_p2p_query*>(argument)->window + input.Byte() - (choice % 8 == 1 ? 4 : 0);
  query.state = input.Byte() % 4;
  query.function = input.Take<penstock_p2p_function>();
  query.piece_count = input.Byte() % (PENSTOCK_P2P_MAX_PIECES + 2);
  for (uint32_t i = 0; i < std::min<uint32_t>(query.piece_count, PENSTOCK_P2P_MAX_PIECES); ++i) {
    query.piece[i] = {input.Byte() % 8u, 0, input.Take<uint32_t>(), input.Take<uint32_t>()};
    query.length += query.piece[i].length;
  }
  if (choice % 8 == 2) query.length = input.Take<uint64_t>();
  std::memcpy(argument, &query, sizeof(query));
  return 0;
}

void Check(const absl::StatusOr<PeerWindow>& window) {
  if (!window.ok()) {
    PENSTOCK_CHECK(!RemedyOf(window.status()).empty());
    return;
  }
  uint64_t bytes = 0;
  for (const PeerWindow::Piece& piece : window->pieces) bytes += piece.length_bytes;
  PENSTOCK_CHECK(!window->is_pinned() || bytes == window->length_bytes);
}

void Use(const PeerWindows& module, fuzz::Input& input) {
  while (!input.empty()) {
    switch (input.Byte() % 4) {
      case 0: {
        const absl::StatusOr<std::vector<PeerWindow>> windows = module.List();
        PENSTOCK_CHECK(windows.ok() || !RemedyOf(windows.status()).empty());
        for (size_t i = 0; windows.ok() && i < windows->size(); ++i) {
          Check((*windows)[i]);
          PENSTOCK_CHECK(i == 0 || (*windows)[i - 1].number < (*windows)[i].number);
        }
        if (windows.ok()) Check(ChooseWindow(*windows, std::nullopt));
        break;
      }
      case 1: Check(module.Find(input.Byte())); break;
      case 2: module.Reserve(0, "0000:41:00.0").status().IgnoreError(); break;
      default: module.Release(input.Byte()).IgnoreError();
    }
  }
}

void CheckAddress(const std::string& text) {
  const absl::StatusOr<driver::PciAddress> address = driver::ParsePciAddress(text);
  if (!address.ok()) return;
  const absl::StatusOr<driver::PciAddress> again = driver::ParsePciAddress(address->ToString());
  PENSTOCK_CHECK(again.ok() && again->ToString() == address->ToString());
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  fuzz::Input input(data, size);
  CheckAddress(std::string(input.TakeText()));
  const auto answer = [&input](int, unsigned long request, void* argument) {
    if (request == PENSTOCK_P2P_RESERVE) return Answer<penstock_p2p_reserve>(input, argument);
    if (request == PENSTOCK_P2P_RELEASE) return Answer<penstock_p2p_release>(input, argument);
    if (request == PENSTOCK_P2P_QUERY) return AnswerQuery(input, argument);
    const uint32_t version = input.Byte() % 8 == 0 ? input.Take<uint32_t>() : PENSTOCK_P2P_VERSION;
    std::memcpy(argument, &version, sizeof(version));
    return 0;
  };
  const absl::StatusOr<PeerWindows> module = PeerWindows::OpenWith(FileDescriptor(open("/dev/null", O_RDWR | O_CLOEXEC)), answer);
  if (module.ok()) Use(*module, input);
  return 0;
}
