// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/soak/soak.h"

#include <cstring>

#include "absl/strings/str_format.h"
#include "penstock/automaton.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/packed.h"

namespace penstock {
namespace {

using Handle = SoakSlot::Handle;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr u32 kWrongHandle = layout::MakeHandle(63, 9);

u32 HandleFor(Handle handle, const SoakSide& side, u32 otherwise) {
  switch (handle) {
    case Handle::kNone: return otherwise;
    case Handle::kSource: return side.source_handle;
    case Handle::kSink: return side.sink_handle;
    case Handle::kAutomaton: return side.automaton_handle;
    case Handle::kWrong: return kWrongHandle;
  }
  return otherwise;
}

BufferPool Pool(size_t bytes) { return BufferPool::Create({.buffer_bytes = bytes, .buffer_count = 1}).value(); }

std::string Describe(const SoakSlot& slot, const Completion& completion) {
  std::string text = absl::StrFormat("opcode %#x (", slot.work.opcode);
  for (const u32 argument : slot.work.argument) absl::StrAppendFormat(&text, " %#x", argument);
  absl::StrAppendFormat(&text, " ): fault %d, detail %#x, result %#x", static_cast<u32>(completion.fault),
                        completion.fault_detail, completion.result);
  return text;
}

bool Same(const Completion& a, const Completion& b) {
  return a.fault == b.fault && a.fault_detail == b.fault_detail && a.result == b.result;
}

class Soak {
 public:
  Soak(SoakSide& one, SoakSide& other, u64 seed) : one_(one), other_(other), slots_(seed) {}

  void RunBatch(SoakResult& result) {
    std::vector<SoakSlot> batch;
    for (u32 index = 0; index < SoakSlots::kBatch; ++index) batch.push_back(slots_.Next(index));
    const std::vector<Ticket> on_one = Publish(one_, batch);
    const std::vector<Ticket> on_other = Publish(other_, batch);
    for (u32 index = 0; index < batch.size(); ++index) {
      const absl::StatusOr<Completion> a = one_.device().ring().Wait(on_one[index], kPatience);
      const absl::StatusOr<Completion> b = other_.device().ring().Wait(on_other[index], kPatience);
      if (!a.ok() || !b.ok()) {
        result.difference = std::string((a.ok() ? b : a).status().message());
        return;
      }
      ++result.slots;
      result.faults += a->ok() ? 0 : 1;
      if (!Same(*a, *b)) {
        result.difference = absl::StrFormat("%s: %s\n%s: %s", one_.device().name(), Describe(batch[index], *a),
                                            other_.device().name(), Describe(batch[index], *b));
        return;
      }
    }
    result.difference = FindDifference(batch);
  }

 private:
  static std::vector<Ticket> Publish(SoakSide& side, const std::vector<SoakSlot>& batch) {
    std::vector<Ticket> tickets;
    for (const SoakSlot& slot : batch) tickets.push_back(side.device().ring().Publish(slot.For(side)).value());
    return tickets;
  }

  /// What a batch wrote, area by area. Words are compared by the slots that load them.
  std::string FindDifference(const std::vector<SoakSlot>& batch) const {
    for (u32 index = 0; index < batch.size(); ++index) {
      const u64 at = static_cast<u64>(index) * SoakSlots::kAreaBytes;
      if (std::memcmp(one_.sink().data() + at, other_.sink().data() + at, SoakSlots::kAreaBytes) == 0) continue;
      return absl::StrFormat("the bytes differ that slot %d of a batch wrote, opcode %#x", index, batch[index].work.opcode);
    }
    return "";
  }

  SoakSide& one_;
  SoakSide& other_;
  SoakSlots slots_;
};

}  // namespace

SoakSide::SoakSide(std::unique_ptr<Device> device, const BufferPool& source, const std::vector<u32>& automaton)
    : device_(std::move(device)), sink_(Pool(static_cast<size_t>(SoakSlots::kBatch) * SoakSlots::kAreaBytes)) {
  source_handle = device_->RegisterBuffer(source.memory(), layout::kBufferRead).value();
  sink_handle = device_->RegisterBuffer(sink(), layout::kBufferRead | layout::kBufferWrite).value();
  automaton_handle = device_->RegisterAutomaton(automaton).value();
}

Work SoakSlot::For(const SoakSide& side) const {
  Work made = work;
  made.argument[0] = HandleFor(range, side, made.argument[0]);
  made.argument[4] = HandleFor(second, side, made.argument[4]);
  return made;
}

SoakSlot SoakSlots::Next(u32 index) {
  SoakSlot slot;
  switch (Below(8)) {
    case 0: slot = SmallSlot(); break;
    case 1: slot = WordSlot(index); break;
    case 2: slot = PackedSlot(index); break;
    case 3:
    case 4: slot = ReadingSlot(); break;
    case 5:
    case 6: slot = WritingSlot(index); break;
    default: slot = FaultySlot(); break;
  }
  slot.work.priority = static_cast<layout::Priority>(Below(layout::kPriorityCount));
  return slot;
}

SoakSlot SoakSlots::SmallSlot() {
  SoakSlot slot;  // a NOP
  switch (Below(3)) {
    case 0: break;
    case 1: slot.work = {.opcode = layout::kBatchFence, .argument = {Below(16)}}; break;
    default: slot.work = {.opcode = layout::kDfaStep, .argument = {0, Below(3), 'a' + Below(6)}}; slot.range = Handle::kAutomaton;
  }
  return slot;
}

SoakSlot SoakSlots::WordSlot(u32 index) {
  const u32 word = index * kWordsPerSlot + Below(kWordsPerSlot);
  SoakSlot slot;
  switch (Below(5)) {
    case 0: slot.work = {.opcode = layout::kStoreU32, .argument = {word, Below(4)}}; break;
    case 1: slot.work = {.opcode = layout::kAtomicAdd, .argument = {word, Below(1u << 31)}}; break;
    case 2: slot.work = {.opcode = layout::kLoadU32, .argument = {word}}; break;
    case 3: slot.work = {.opcode = layout::kCompareSwap, .argument = {word, Below(4), Below(4)}}; break;
    default:
      slot.work = {.opcode = layout::kMemcpy,
                   .argument = {index * kWordsPerSlot + Below(2), index * kWordsPerSlot + Below(2), Below(3)}};
  }
  return slot;
}

SoakSlot SoakSlots::PackedSlot(u32 index) {
  const u32 word = index * kWordsPerSlot;
  const u32 stored[] = {word, Below(1000)};
  const u32 added[] = {word, Below(1000)};
  const u32 loaded[] = {word};
  const layout::PackedInput ops[] = {
      {layout::kStoreU32, stored, 2}, {layout::kAtomicAdd, added, 2}, {layout::kLoadU32, loaded, 1}};
  SoakSlot slot;
  slot.work = {.opcode = layout::kPackedSlot, .argument = EncodePacked({ops, 1 + Below(3)}).value()};
  return slot;
}

layout::Range SoakSlots::SourceRange() {
  const u32 length = Below(4) == 0 ? Below(64) : Below(kAreaBytes - layout::kHistogramBytes);
  return {0, Below(kSourceBytes - length + 1), length};
}

layout::Range SoakSlots::AreaRange(u32 index) {
  const u32 length = Below(kAreaBytes + 1);
  return {0, static_cast<u64>(index) * kAreaBytes + Below(kAreaBytes - length + 1), length};
}

SoakSlot SoakSlots::ReadingSlot() {
  SoakSlot slot;
  const u32 opcode = Below(2) == 0 ? layout::kCrc32c : layout::kMatch;
  slot.work = RangeWork(opcode, SourceRange());
  slot.range = Handle::kSource;
  if (opcode == layout::kMatch) {
    layout::EncodeMatch({0, 0, layout::MatchMode::kScan}, slot.work.argument.data());
    slot.second = Handle::kAutomaton;
  }
  return slot;
}

SoakSlot SoakSlots::WritingSlot(u32 index) {
  SoakSlot slot;
  const u64 area = static_cast<u64>(index) * kAreaBytes;
  switch (Below(4)) {
    case 0:
      slot.work = RangeWork(layout::kHistogram, SourceRange());
      layout::EncodeDestination({0, area + 4 * Below((kAreaBytes - layout::kHistogramBytes) / 4)}, slot.work.argument.data());
      slot.range = Handle::kSource;
      slot.second = Handle::kSink;
      break;
    case 1: {
      const layout::Range range = SourceRange();
      slot.work = RangeWork(layout::kCopy, range);
      layout::EncodeDestination({0, area + Below(kAreaBytes - range.length_bytes + 1)}, slot.work.argument.data());
      slot.range = Handle::kSource;
      slot.second = Handle::kSink;
      break;
    }
    default: {  // VERIFY finds in an area what FILL and the others left there
      const u32 pattern = 1 + Below(kPatternBytes);
      slot.work = RangeWork(Below(2) == 0 ? layout::kFill : layout::kVerify, AreaRange(index));
      layout::EncodePattern({0, pattern, Below(pattern)}, slot.work.argument.data());
      slot.range = Handle::kSink;
      slot.second = Handle::kSource;
    }
  }
  return slot;
}

SoakSlot SoakSlots::FaultySlot() {
  SoakSlot slot = ReadingSlot();
  switch (Below(6)) {
    case 0: slot.range = Handle::kWrong; break;
    case 1: slot.work.argument[1] = kSourceBytes; break;  // past the end, unless the range is empty
    case 2:
      slot.work = {.opcode = 0x150};
      slot.range = slot.second = Handle::kNone;
      break;
    case 3:
      slot.work = {.opcode = layout::kLoadMiss};  // nobody serves it
      slot.range = slot.second = Handle::kNone;
      break;
    case 4: slot.work.tenant = 1 + Below(layout::kTenantCount); break;
    default:  // COPY into memory that may only be read
      slot.work.opcode = layout::kCopy;
      layout::EncodeDestination({0, 0}, slot.work.argument.data());
      slot.second = Handle::kSource;
  }
  return slot;
}

SoakResult RunSoak(SoakSide& one, SoakSide& other, u64 seed, absl::Duration duration) {
  PENSTOCK_CHECK(one.device().Start().ok());
  PENSTOCK_CHECK(other.device().Start().ok());
  SoakResult result;
  Soak soak(one, other, seed);
  const u64 end = MonotonicNs() + static_cast<u64>(absl::ToInt64Nanoseconds(duration));
  while (result.difference.empty() && MonotonicNs() < end) soak.RunBatch(result);
  for (SoakSide* side : {&one, &other}) {
    const absl::Status stopped = side->device().Stop(kPatience);
    if (!stopped.ok() && result.difference.empty()) result.difference = std::string(stopped.message());
  }
  return result;
}

BufferPool MakeSoakSource(u64 seed) {
  BufferPool pool = Pool(SoakSlots::kSourceBytes);
  std::mt19937_64 random(seed);
  char* letters = reinterpret_cast<char*>(pool.memory().data());
  for (u32 i = 0; i < SoakSlots::kSourceBytes; ++i) letters[i] = static_cast<char>('a' + random() % 6);
  return pool;
}

std::vector<u32> MakeSoakAutomaton() { return BuildAutomaton({"abc", "cab", "bad", "faced", "ee"}).value(); }

}  // namespace penstock
