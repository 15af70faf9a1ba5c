// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/buffer_choice.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "penstock/error.h"

namespace penstock::cli {

absl::StatusOr<BufferChoice> BufferChoiceNamed(const std::string& name) {
  absl::string_view rest = name;
  uint32_t number = 0;
  if (name == "pinned") return BufferChoice();
  if (name == "window") return BufferChoice{.kind = BufferChoice::Kind::kWindow};
  if (absl::ConsumePrefix(&rest, "window:") && absl::SimpleAtoi(rest, &number)) {
    return BufferChoice{.kind = BufferChoice::Kind::kWindow, .window_number = number};
  }
  rest = name;
  if (absl::ConsumePrefix(&rest, "p2pmem:") && !rest.empty()) {
    return BufferChoice{.kind = BufferChoice::Kind::kPeerMemory, .pci_address = std::string(rest)};
  }
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("--buffer=", name)),
                   Fix("use pinned, window or window:N (penstock window list), or p2pmem: and a PCI address, e.g. "
                       "p2pmem:0000:41:00.0"));
}

absl::StatusOr<DeviceMemory> MapWindow(const PeerWindows& module, uint32_t number, Device& device) {
  PENSTOCK_ASSIGN_OR_RETURN(DeviceMemory memory, module.Map(number));
  PENSTOCK_ASSIGN_OR_RETURN(const FileDescriptor dma_buf, module.Export(number));
  PENSTOCK_ASSIGN_OR_RETURN(memory.device_address, device.ImportDmaBuf(dma_buf.get(), memory.memory.size()));
  return memory;
}

absl::StatusOr<BufferPoolMaker> PoolMakerOf(const BufferChoice& choice, Device& device) {
  switch (choice.kind) {
    case BufferChoice::Kind::kPinned: return BufferPoolMaker(BufferPool::Create);
    case BufferChoice::Kind::kPeerMemory: return PeerMemoryPools(choice.pci_address);
    case BufferChoice::Kind::kWindow: break;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const PeerWindows module, PeerWindows::Open());
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<PeerWindow> windows, module.List());
  PENSTOCK_ASSIGN_OR_RETURN(const PeerWindow window, ChooseWindow(windows, choice.window_number));
  PENSTOCK_ASSIGN_OR_RETURN(DeviceMemory memory, MapWindow(module, window.number, device));
  return PoolsIn(std::move(memory));
}

}  // namespace penstock::cli
