// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/operation.h"

#include "absl/strings/str_cat.h"
#include "penstock/automaton.h"
#include "penstock/error.h"
#include "penstock/layout/crc32c.h"

namespace penstock {
namespace {

/// Sends every chunk through the ring and looks at none of its bytes.
class NoOperation final : public Operation {
 public:
  std::string_view name() const override { return "none"; }
  bool takes_any_order() const override { return true; }
  absl::Status Prepare(Device&, uint32_t) override { return absl::OkStatus(); }
  Work MakeWork(const LandedChunk&) const override { return {.opcode = layout::kNop}; }
  std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldOfSource>(); }

 private:
  struct FoldOfSource final : SourceFold {
    std::optional<Work> Fold(const LandedChunk&, uint64_t) override { return std::nullopt; }
    OperationResult End() override { return {}; }
  };
};

class Crc32cOperation final : public Operation {
 public:
  std::string_view name() const override { return "crc32c"; }
  absl::Status Prepare(Device&, uint32_t) override { return absl::OkStatus(); }
  Work MakeWork(const LandedChunk& chunk) const override { return RangeWork(layout::kCrc32c, chunk.range); }
  std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldOfSource>(); }

 private:
  class FoldOfSource final : public SourceFold {
   public:
    std::optional<Work> Fold(const LandedChunk& chunk, uint64_t result) override {
      if (chunk.range.length_bytes != shift_length_) {
        shift_length_ = chunk.range.length_bytes;
        shift_ = layout::Crc32cShift(shift_length_);
      }
      crc_ = layout::JoinCrc32c(crc_, layout::LowWord(result), shift_);
      return std::nullopt;
    }

    OperationResult End() override { return {.crc32c = crc_}; }

   private:
    u32 crc_ = 0;
    u32 shift_length_ = 0;  // the length that shift_ is for: nearly every chunk has the same
    u32 shift_ = layout::Crc32cShift(0);
  };
};

/// Each chunk's 256 counts are stored to a place of its buffer's own; 1 KiB for a chunk's bytes.
class HistogramOperation final : public Operation {
 public:
  std::string_view name() const override { return "histogram"; }
  bool takes_any_order() const override { return true; }

  absl::Status Prepare(Device& device, uint32_t buffer_count) override {
    counts_ = std::make_shared<std::vector<u32>>(static_cast<size_t>(buffer_count) * layout::kHistogramBins);
    device.Keep(counts_);
    const absl::Span<u32> counts = absl::MakeSpan(*counts_);
    PENSTOCK_ASSIGN_OR_RETURN(
        handle_,
        device.RegisterBuffer({reinterpret_cast<std::byte*>(counts.data()), counts.size() * sizeof(u32)}, layout::kBufferWrite));
    return absl::OkStatus();
  }

  Work MakeWork(const LandedChunk& chunk) const override {
    Work work = RangeWork(layout::kHistogram, chunk.range);
    layout::EncodeDestination({handle_, static_cast<u64>(chunk.buffer_index) * layout::kHistogramBytes}, work.argument.data());
    return work;
  }

  std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldOfSource>(counts_->data()); }

 private:
  class FoldOfSource final : public SourceFold {
   public:
    explicit FoldOfSource(const u32* counts) : counts_(counts) {}

    std::optional<Work> Fold(const LandedChunk& chunk, uint64_t) override {
      const u32* counts = &counts_[static_cast<size_t>(chunk.buffer_index) * layout::kHistogramBins];
      for (u32 bin = 0; bin < layout::kHistogramBins; ++bin) sums_[bin] += counts[bin];
      return std::nullopt;
    }

    OperationResult End() override { return {.histogram = sums_}; }

   private:
    const u32* const counts_;  // of every buffer
    std::array<u64, layout::kHistogramBins> sums_ = {};
  };

  std::shared_ptr<std::vector<u32>> counts_;
  u32 handle_ = 0;
};

/// Every chunk is scanned from the automaton's root, in parallel. A chunk whose predecessor ended in another state is then
/// repaired; that is rare, and nearly always over after a few bytes.
class MatchOperation final : public Operation {
 public:
  explicit MatchOperation(std::vector<u32> table) : table_(std::move(table)) {}

  std::string_view name() const override { return "match"; }

  absl::Status Prepare(Device& device, uint32_t) override {
    PENSTOCK_ASSIGN_OR_RETURN(handle_, device.RegisterAutomaton(table_));
    return absl::OkStatus();
  }

  Work MakeWork(const LandedChunk& chunk) const override { return MatchWork(chunk, 0, layout::MatchMode::kScan); }
  std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldOfSource>(*this); }

 private:
  class FoldOfSource final : public SourceFold {
   public:
    explicit FoldOfSource(const MatchOperation& operation) : operation_(operation) {}

    std::optional<Work> Fold(const LandedChunk& chunk, uint64_t result) override {
      if (repairing_) {
        repairing_ = false;
        matches_ += static_cast<u64>(static_cast<int64_t>(static_cast<i32>(layout::LowWord(result))));
        state_ = layout::HighWord(result) == layout::kConverged ? scanned_state_ : layout::HighWord(result);
        return std::nullopt;
      }
      matches_ += layout::LowWord(result);
      scanned_state_ = layout::HighWord(result);
      if (state_ != 0) {
        repairing_ = true;
        return operation_.MatchWork(chunk, state_, layout::MatchMode::kRepair);
      }
      state_ = scanned_state_;
      return std::nullopt;
    }

    OperationResult End() override {
      const std::vector<u32>& table = operation_.table_;
      return {.matches = matches_ + layout::MatchesAtEnd(table.data(), table[1], state_)};
    }

   private:
    const MatchOperation& operation_;
    u64 matches_ = 0;
    u32 state_ = 0;          // after the last chunk folded
    u32 scanned_state_ = 0;  // in which the scan of the chunk in repair ended
    bool repairing_ = false;
  };

  Work MatchWork(const LandedChunk& chunk, u32 entry_state, layout::MatchMode mode) const {
    Work work = RangeWork(layout::kMatch, chunk.range);
    layout::EncodeMatch({handle_, entry_state, mode}, work.argument.data());
    return work;
  }

  const std::vector<u32> table_;
  u32 handle_ = 0;
};

class VerifyOperation final : public Operation {
 public:
  explicit VerifyOperation(std::string_view pattern) : pattern_(std::make_shared<std::string>(pattern)) {}

  std::string_view name() const override { return "verify"; }

  absl::Status Prepare(Device& device, uint32_t) override {
    device.Keep(pattern_);
    PENSTOCK_ASSIGN_OR_RETURN(
        handle_, device.RegisterBuffer({reinterpret_cast<std::byte*>(pattern_->data()), pattern_->size()}, layout::kBufferRead));
    return absl::OkStatus();
  }

  Work MakeWork(const LandedChunk& chunk) const override {
    Work work = RangeWork(layout::kVerify, chunk.range);
    const u32 length = static_cast<u32>(pattern_->size());
    layout::EncodePattern({handle_, length, static_cast<u32>(chunk.source_offset % length)}, work.argument.data());
    return work;
  }

  std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldOfSource>(); }

 private:
  class FoldOfSource final : public SourceFold {
   public:
    std::optional<Work> Fold(const LandedChunk& chunk, uint64_t result) override {
      if (result != layout::kNoDifference && first_difference_ == layout::kNoDifference) {
        first_difference_ = chunk.source_offset + result;
      }
      return std::nullopt;
    }

    OperationResult End() override { return {.first_difference = first_difference_}; }

   private:
    u64 first_difference_ = layout::kNoDifference;
  };

  const std::shared_ptr<std::string> pattern_;
  u32 handle_ = 0;
};

}  // namespace

std::unique_ptr<Operation> MakeNoOperation() { return std::make_unique<NoOperation>(); }
std::unique_ptr<Operation> MakeCrc32cOperation() { return std::make_unique<Crc32cOperation>(); }
std::unique_ptr<Operation> MakeHistogramOperation() { return std::make_unique<HistogramOperation>(); }

absl::StatusOr<std::unique_ptr<Operation>> MakeMatchOperation(absl::Span<const std::string> patterns) {
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<u32> table, BuildAutomaton(patterns));
  return std::make_unique<MatchOperation>(std::move(table));
}

absl::StatusOr<std::unique_ptr<Operation>> MakeVerifyOperation(std::string_view pattern) {
  constexpr size_t kMaxPatternBytes = size_t{1} << 20;
  if (pattern.empty() || pattern.size() > kMaxPatternBytes) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("the pattern to verify has ", pattern.size(), " bytes")),
                     Fix("give a pattern of 1 byte to 1 MiB"));
  }
  return std::make_unique<VerifyOperation>(pattern);
}

}  // namespace penstock
