// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An opcode of one's own: counts the lines of a file on the device. Usage: custom_handler FILE
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "penstock/cpu_device.h"
#include "penstock/error.h"

namespace {

using penstock::u32;
using penstock::u64;
using penstock::u8;
namespace device = penstock::device;
namespace layout = penstock::layout;

// The handler: what the megakernel runs for opcode 0x10000. Every lane counts its stripe, and the leader adds up.
struct CountLines {
  static constexpr u32 kOpcode = 0x10000;
  static constexpr u32 kArgumentCount = layout::kRangeWords;
  struct Scratch {
    u64 lines[device::kMaxLanes];
  };

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    device::Bytes bytes;
    const layout::Range range = layout::DecodeRange(context.argument);
    if (device::Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
    u64* lines = context.scratch<Scratch>()->lines;
    const device::Context::Stripe stripe = context.StripeOfLane(bytes.length);
    u64 mine = 0;
    for (u32 i = stripe.begin; i < stripe.end; ++i) mine += bytes.data[i] == '\n' ? 1 : 0;
    lines[context.group.lane()] = mine;
    context.group.Barrier();
    u64 sum = 0;
    for (u32 lane = 0; lane < context.group.lane_count(); ++lane) sum += lines[lane];
    return device::Outcome::Done(sum);
  }
};

absl::StatusOr<u64> CountLinesOf(std::vector<char>& text) {
  if (text.empty()) return 0;
  PENSTOCK_ASSIGN_OR_RETURN(auto device, penstock::MakeCpuDevice<device::Program<CountLines>>({}));
  PENSTOCK_ASSIGN_OR_RETURN(
      const u32 handle, device->RegisterBuffer({reinterpret_cast<std::byte*>(text.data()), text.size()}, layout::kBufferRead));
  PENSTOCK_RETURN_IF_ERROR(device->Start());

  u64 lines = 0;
  constexpr u64 kPieceBytes = 1 << 20;
  for (u64 offset = 0; offset < text.size(); offset += kPieceBytes) {
    const u64 length = std::min<u64>(kPieceBytes, text.size() - offset);
    const penstock::Work work = penstock::RangeWork(CountLines::kOpcode, {handle, offset, static_cast<u32>(length)});
    PENSTOCK_ASSIGN_OR_RETURN(const penstock::Ticket ticket, device->ring().Publish(work));
    PENSTOCK_ASSIGN_OR_RETURN(const penstock::Completion completion, device->ring().Wait(ticket, absl::Seconds(10)));
    PENSTOCK_RETURN_IF_ERROR(completion.ToStatus("counting lines"));
    lines += completion.result;
  }
  PENSTOCK_RETURN_IF_ERROR(device->Stop(absl::Seconds(10)));
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  std::ifstream file(argc == 2 ? argv[1] : "", std::ios::binary);
  if (!file) {
    std::cerr << "usage: custom_handler FILE, where FILE can be read\n";
    return 2;
  }
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  const absl::StatusOr<u64> lines = CountLinesOf(text);
  if (!lines.ok()) {
    std::cerr << lines.status().message() << "\n";
    return 1;
  }
  std::cout << *lines << "\n";
}
