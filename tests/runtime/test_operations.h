// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations and handlers with which the tests of the pump go wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "penstock/device/handler.h"
#include "penstock/operation.h"
#include "tests/hip/device_session.h"

namespace penstock {

struct FoldNothing final : SourceFold {
  std::optional<Work> Fold(const LandedChunk&, uint64_t) override { return std::nullopt; }
  OperationResult End() override { return {}; }
};

/// Holds its workgroup until it is released.
struct Hang {
  static constexpr u32 kOpcode = 0x10000;
  static constexpr u32 kArgumentCount = 0;
  static inline std::atomic<bool> released = false;
  static inline std::atomic<bool> has_begun = false;
  static device::Outcome Run(const device::Context&) {
    has_begun = true;
    while (!released) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return device::Outcome::Done();
  }
};

/// Every chunk's slot hangs.
class HangingOperation final : public Operation {
 public:
  std::string_view name() const override { return "hanging"; }
  absl::Status Prepare(Device&, uint32_t) override { return absl::OkStatus(); }
  Work MakeWork(const LandedChunk&) const override { return penstock::MakeWork(Hang::kOpcode); }
  std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldNothing>(); }
};

}  // namespace penstock
