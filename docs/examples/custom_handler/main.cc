// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An opcode of one's own: counts the lines of a file on the device. Usage: custom_handler FILE
#include <iostream>
#include <memory>
#include <string>

#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/ingest.h"

namespace {

using penstock::u32;
using penstock::u64;
namespace device = penstock::device;
namespace layout = penstock::layout;

// [handler]
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
// [/handler]

// [operation]
// The operation: which slot each chunk of the file becomes, and what the chunks' results make up.
class CountLinesOperation final : public penstock::Operation {
 public:
  explicit CountLinesOperation(u64& lines) : lines_(lines) {}

  std::string_view name() const override { return "count lines"; }
  absl::Status Prepare(penstock::Device&, uint32_t) override { return absl::OkStatus(); }
  penstock::Work MakeWork(const penstock::LandedChunk& chunk) const override {
    return penstock::RangeWork(CountLines::kOpcode, chunk.range);
  }
  std::unique_ptr<penstock::SourceFold> BeginSource() const override { return std::make_unique<Sum>(lines_); }

 private:
  struct Sum final : penstock::SourceFold {
    explicit Sum(u64& lines) : lines(lines) {}
    std::optional<penstock::Work> Fold(const penstock::LandedChunk&, uint64_t result) override {
      lines += result;
      return std::nullopt;
    }
    penstock::OperationResult End() override { return {}; }
    u64& lines;
  };

  u64& lines_;
};
// [/operation]

// [ingest]
absl::StatusOr<u64> CountLinesOf(const std::string& file) {
  PENSTOCK_ASSIGN_OR_RETURN(auto device, penstock::MakeCpuDevice<device::Program<CountLines>>({}));
  u64 lines = 0;
  CountLinesOperation operation(lines);
  PENSTOCK_ASSIGN_OR_RETURN(const penstock::IngestReport report, penstock::Ingest(*device, {file}, operation, {}));
  PENSTOCK_RETURN_IF_ERROR(report.status);
  return lines;
}
// [/ingest]

}  // namespace

// [main]
int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: custom_handler FILE\n";
    return 2;
  }
  const absl::StatusOr<u64> lines = CountLinesOf(argv[1]);
  if (!lines.ok()) {
    std::cerr << lines.status().message() << "\n";
    return 1;
  }
  std::cout << *lines << "\n";
}
// [/main]
