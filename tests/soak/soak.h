// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random slots on two devices that must agree: every completion, and every byte and word that was written.
#pragma once

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "penstock/buffer_pool.h"
#include "penstock/device.h"

namespace penstock {

/// One of the two: a device with memory of its own to write to, and memory to read that both share.
class SoakSide {
 public:
  /// `device` is made, and started by nobody yet. Ends the test if something cannot be registered.
  SoakSide(std::unique_ptr<Device> device, const BufferPool& source, const std::vector<u32>& automaton);

  Device& device() { return *device_; }
  absl::Span<std::byte> sink() const { return sink_.memory(); }

  u32 source_handle = 0;
  u32 sink_handle = 0;
  u32 automaton_handle = 0;

 private:
  std::unique_ptr<Device> device_;
  BufferPool sink_;
};

/// A slot before it is known which device runs it: handles are put in for each.
struct SoakSlot {
  enum class Handle { kNone, kSource, kSink, kAutomaton, kWrong };

  Work work;
  Handle range = Handle::kNone;   // argument 0
  Handle second = Handle::kNone;  // argument 4

  Work For(const SoakSide& side) const;
};

/// Makes slots. Those of one batch never write what another one of it reads or writes, so that their order is all the same.
class SoakSlots {
 public:
  static constexpr u32 kBatch = 256;
  static constexpr u32 kAreaBytes = 64 << 10;  // of the sink, for each slot of a batch
  static constexpr u32 kWordsPerSlot = 4;
  static constexpr u32 kUserWords = kBatch * kWordsPerSlot;
  static constexpr u32 kSourceBytes = 8 << 20;
  static constexpr u32 kPatternBytes = 1000;

  explicit SoakSlots(u64 seed) : random_(seed) {}

  SoakSlot Next(u32 index);

 private:
  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }
  SoakSlot SmallSlot();
  SoakSlot WordSlot(u32 index);
  SoakSlot PackedSlot(u32 index);
  SoakSlot ReadingSlot();
  SoakSlot WritingSlot(u32 index);
  SoakSlot FaultySlot();
  /// Any bytes of the source: from none to as many as fit an area.
  layout::Range SourceRange();
  layout::Range AreaRange(u32 index);

  std::mt19937_64 random_;
};

struct SoakResult {
  u64 slots = 0;
  u64 faults = 0;
  std::string difference;  // the first one; empty if there is none
};

/// Runs batch after batch on both sides for that long, or until they differ. Both are started, and stopped at the end.
SoakResult RunSoak(SoakSide& one, SoakSide& other, u64 seed, absl::Duration duration);

/// What both sides read: letters, with some of the automaton's patterns among them.
BufferPool MakeSoakSource(u64 seed);
std::vector<u32> MakeSoakAutomaton();

}  // namespace penstock
