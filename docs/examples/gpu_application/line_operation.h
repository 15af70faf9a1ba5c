// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the ingest does with a file's chunks: each becomes a slot of the handler's opcode, and the results are added up.
#pragma once

#include "count_lines.h"
#include "penstock/operation.h"

namespace gpu_application {

/// Threads: the ingest's; lines() when it is over.
class LineOperation final : public penstock::Operation {
 public:
  std::string_view name() const override { return "lines"; }
  absl::Status Prepare(penstock::Device&, uint32_t) override { return absl::OkStatus(); }
  penstock::Work MakeWork(const penstock::LandedChunk& chunk) const override {
    return penstock::RangeWork(CountLines::kOpcode, chunk.range);
  }
  std::unique_ptr<penstock::SourceFold> BeginSource() const override { return std::make_unique<Sum>(*lines_); }

  uint64_t lines() const { return *lines_; }

 private:
  class Sum final : public penstock::SourceFold {
   public:
    explicit Sum(uint64_t& lines) : lines_(lines) {}
    std::optional<penstock::Work> Fold(const penstock::LandedChunk&, uint64_t result) override {
      lines_ += result;
      return std::nullopt;
    }
    penstock::OperationResult End() override { return {}; }

   private:
    uint64_t& lines_;
  };

  const std::unique_ptr<uint64_t> lines_ = std::make_unique<uint64_t>(0);
};

}  // namespace gpu_application
