// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any words as the table of an automaton: one that passes the check leads out of itself with no input, and counts no more
// matches than it is given bytes.
#include "penstock/automaton.h"

#include <string>
#include <vector>

#include "penstock/check.h"
#include "tests/fuzz/input.h"

namespace penstock {
namespace {

using layout::kAutomatonHeaderWords;

/// A table of few states, all words of which are 0 but those that the input spoils.
std::vector<u32> TakeTable(fuzz::Input& input) {
  const u32 states = input.Byte() % 4;
  std::vector<u32> table(layout::AutomatonWords(states));
  table[0] = layout::kAutomatonMagic;
  table[1] = states;
  for (u32 i = input.Byte() % 32; i > 0; --i) {
    const size_t place = input.Byte() % 4 == 0 ? input.Byte() % kAutomatonHeaderWords : input.Take<u16>() % table.size();
    table[place] =
        input.Byte() % 2 == 0 ? input.Take<u32>() : (input.Byte() % 2u) << layout::kAutomatonStateBits | input.Byte() % 4;
  }
  if (input.Byte() % 8 == 0) table.resize(input.Take<u16>() % (table.size() + 2));
  return table;
}

std::vector<u32> BuildTable(fuzz::Input& input) {
  std::vector<std::string> patterns;
  for (u32 i = input.Byte() % 8; i > 0; --i) patterns.emplace_back(input.TakeText());
  const absl::StatusOr<std::vector<u32>> table = BuildAutomaton(patterns);
  if (!table.ok()) return {};
  PENSTOCK_CHECK(CheckAutomaton(*table).ok());
  return *table;
}

/// Matches in the text; `is_built`: the table is of real patterns, of which every match has a byte of its own.
void Run(const std::vector<u32>& table, std::string_view text, bool is_built) {
  const u32 states = table[1];
  u32 state = 0;
  u64 matches = 0;
  for (const char letter : text) {
    const u32 transition = layout::Transition(table.data(), state, static_cast<u8>(letter));
    state = layout::NextState(transition);
    matches += layout::Emitted(transition);
    PENSTOCK_CHECK(state < states);
  }
  matches += layout::MatchesAtEnd(table.data(), states, state);
  PENSTOCK_CHECK(!is_built || matches <= text.size());
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  fuzz::Input input(data, size);
  const bool is_built = input.Byte() % 2 == 0;
  const std::vector<u32> table = is_built ? BuildTable(input) : TakeTable(input);
  if (!CheckAutomaton(table).ok()) return 0;
  Run(table, input.rest(), is_built);
  return 0;
}
