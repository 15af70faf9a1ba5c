// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arguments of the data opcodes. A range of bytes is named by buffer handle, offset and length, never by an address.
//
//   CRC32C     range                                  -> CRC-32C of the range (RFC 3720), high word 0
//   HISTOGRAM  range, destination handle, offset      -> 0; 256 u32 counts stored at the destination
//   COPY       range, destination handle, offset      -> bytes copied
//   FILL       range, pattern handle, length, phase   -> bytes written
//   VERIFY     range, pattern handle, length, phase   -> offset of the first difference in the range, or kNoDifference
//   MATCH      range, automaton handle, entry, mode   -> see MatchMode
//
// The pattern of FILL and VERIFY repeats: byte i of the range is pattern[(phase + i) % length].
#pragma once

#include "penstock/layout/slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

/// The result of VERIFY when every byte is the pattern's.
inline constexpr u64 kNoDifference = ~u64{0};
/// Counts of a histogram, one for each value of a byte.
inline constexpr u32 kHistogramBins = 256;
/// Bytes of a histogram: 256 counts of 32 bits.
inline constexpr u32 kHistogramBytes = kHistogramBins * sizeof(u32);

/// Words 0 to 3 of every data opcode's arguments.
struct Range {
  u32 handle;        // of a registered buffer
  u64 offset_bytes;  // within the buffer
  u32 length_bytes;  // may be 0
};
/// Argument words of a range.
inline constexpr u32 kRangeWords = 4;

/// The range in the argument words of a data opcode.
PENSTOCK_HOST_DEVICE constexpr Range DecodeRange(const u32* argument) {
  return {argument[0], JoinWords(argument[1], argument[2]), argument[3]};
}
/// Writes a range into argument words 0 to 3.
PENSTOCK_HOST_DEVICE constexpr void EncodeRange(const Range& range, u32* argument) {
  argument[0] = range.handle;
  argument[1] = LowWord(range.offset_bytes);
  argument[2] = HighWord(range.offset_bytes);
  argument[3] = range.length_bytes;
}

/// Words 4 to 6 of HISTOGRAM and COPY.
struct Destination {
  u32 handle;        // of a registered buffer that may be written
  u64 offset_bytes;  // within the buffer
};
/// Argument words of a destination, behind the range's.
inline constexpr u32 kDestinationWords = 3;

/// The destination in argument words 4 to 6.
PENSTOCK_HOST_DEVICE constexpr Destination DecodeDestination(const u32* argument) {
  return {argument[4], JoinWords(argument[5], argument[6])};
}
/// Writes a destination into argument words 4 to 6.
PENSTOCK_HOST_DEVICE constexpr void EncodeDestination(const Destination& destination, u32* argument) {
  argument[4] = destination.handle;
  argument[5] = LowWord(destination.offset_bytes);
  argument[6] = HighWord(destination.offset_bytes);
}

/// Words 4 to 6 of FILL and VERIFY.
struct Pattern {
  u32 handle;        // of the buffer that the pattern begins in
  u32 length_bytes;  // of the pattern, at least 1
  u32 phase;         // below length_bytes
};
/// Argument words of a pattern, behind the range's.
inline constexpr u32 kPatternWords = 3;

/// The pattern in argument words 4 to 6.
PENSTOCK_HOST_DEVICE constexpr Pattern DecodePattern(const u32* argument) { return {argument[4], argument[5], argument[6]}; }
/// Writes a pattern into argument words 4 to 6.
PENSTOCK_HOST_DEVICE constexpr void EncodePattern(const Pattern& pattern, u32* argument) {
  argument[4] = pattern.handle;
  argument[5] = pattern.length_bytes;
  argument[6] = pattern.phase;
}

/// Words 4 to 6 of MATCH.
///
/// kScan runs the automaton over the range from `entry_state`: matches in the low word, the state it ends in in the high word.
/// kRepair is for a range that was scanned from the root while its true entry state is `entry_state`: it runs both side by
/// side until they meet, and returns what has to be added to the scan's matches (a signed word) and, in the high word, the
/// true final state, or kConverged when the scan's final state stands.
enum class MatchMode : u32 { kScan = 0, kRepair = 1 };
/// High word of MATCH's result in mode kRepair: the scan's final state stands.
inline constexpr u32 kConverged = 0xFFFFFFFFu;

/// What MATCH reads behind its range.
struct MatchArguments {
  u32 handle;       // of a registered automaton
  u32 entry_state;  // the state before the range's first byte
  MatchMode mode;   // scan or repair
};
/// Argument words of MATCH, behind the range's.
inline constexpr u32 kMatchWords = 3;

/// MATCH's own arguments, words 4 to 6.
PENSTOCK_HOST_DEVICE constexpr MatchArguments DecodeMatch(const u32* argument) {
  return {argument[4], argument[5], static_cast<MatchMode>(argument[6])};
}
/// Writes MATCH's own arguments into words 4 to 6.
PENSTOCK_HOST_DEVICE constexpr void EncodeMatch(const MatchArguments& match, u32* argument) {
  argument[4] = match.handle;
  argument[5] = match.entry_state;
  argument[6] = static_cast<u32>(match.mode);
}

}  // namespace penstock::layout
