// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The states are the nodes of the patterns' trie. A state stands for the bytes that are still undecided: a prefix of some
// pattern that a longer match could still grow from. When a byte comes that the prefix cannot take, the front of the undecided
// bytes is decided: the longest pattern there is a match and is cut off, or, if there is none, one byte is. What is left is
// shorter, so the row of the state that it leads to is known already if rows are made in the order of their prefixes' lengths:
// the byte does there what it does here, after the matches so far.
#include "penstock/automaton.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {
namespace {

struct Node {
  std::map<u8, u32> child;
  std::string prefix;
  u32 longest = 0;  // length of the longest pattern that `prefix` begins with
};

class Trie {
 public:
  Trie() : nodes_(1) {}

  void Add(std::string_view pattern) {
    u32 node = 0;
    for (size_t i = 0; i < pattern.size(); ++i) {
      const u8 byte = static_cast<u8>(pattern[i]);
      const auto [it, is_new] = nodes_[node].child.try_emplace(byte, static_cast<u32>(nodes_.size()));
      const u32 next = it->second;
      if (is_new) nodes_.push_back({{}, std::string(pattern.substr(0, i + 1)), 0});
      node = next;
    }
    nodes_[node].longest = static_cast<u32>(pattern.size());
  }

  /// Requires: every pattern has been added. A parent has a smaller number than its children.
  void SetLongest() {
    for (u32 i = 0; i < nodes_.size(); ++i) {
      for (const auto& [byte, child] : nodes_[i].child)
        nodes_[child].longest = std::max(nodes_[child].longest, nodes_[i].longest);
    }
  }

  /// Requires: SetLongest.
  std::vector<u32> MakeTable() const {
    std::vector<u32> table(layout::AutomatonWords(size()));
    table[0] = layout::kAutomatonMagic;
    table[1] = size();
    std::vector<u32> by_length(size());
    std::iota(by_length.begin(), by_length.end(), 0u);
    std::ranges::sort(by_length, {}, [this](u32 state) { return nodes_[state].prefix.size(); });
    for (u32 state : by_length) FillRow(state, table);
    return table;
  }

 private:
  struct Decided {
    u32 matches;
    u32 state;  // of what is left
  };

  u32 size() const { return static_cast<u32>(nodes_.size()); }

  /// Decides the front of the state's prefix. Requires: it is not the root, and the rows of all shorter prefixes are filled.
  Decided DecideFront(u32 state, const std::vector<u32>& table) const {
    const Node& node = nodes_[state];
    Decided decided = {node.longest != 0 ? 1u : 0u, 0};
    for (char c : std::string_view(node.prefix).substr(std::max(node.longest, 1u))) {
      const u32 transition = layout::Transition(table.data(), decided.state, static_cast<u8>(c));
      decided.matches += layout::Emitted(transition);
      decided.state = layout::NextState(transition);
    }
    return decided;
  }

  void FillRow(u32 state, std::vector<u32>& table) const {
    const auto row_of = [&table](u32 s) {
      return table.data() + layout::kAutomatonHeaderWords + size_t{s} * layout::kAutomatonRowWords;
    };
    u32* row = row_of(state);
    u32* at_end = row_of(size());
    if (state != 0) {
      const Decided decided = DecideFront(state, table);
      const u32 emitted = decided.matches << layout::kAutomatonStateBits;
      std::transform(row_of(decided.state), row_of(decided.state + 1), row, [&](u32 transition) { return transition + emitted; });
      at_end[state] = at_end[decided.state] + decided.matches;
    }
    constexpr u32 kMatchThenRoot = 1u << layout::kAutomatonStateBits;
    for (const auto& [byte, child] : nodes_[state].child) row[byte] = nodes_[child].child.empty() ? kMatchThenRoot : child;
  }

  std::vector<Node> nodes_;
};

absl::Status CheckPatterns(absl::Span<const std::string> patterns) {
  if (patterns.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, What("no pattern was given"), Fix("give at least one pattern"));
  }
  size_t total = 1;
  for (const std::string& pattern : patterns) {
    total += pattern.size();
    if (!pattern.empty() && pattern.size() <= layout::kMaxPatternBytes) continue;
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("a pattern has ", pattern.size(), " bytes")),
                     Fix(absl::StrCat("give patterns of 1 to ", layout::kMaxPatternBytes, " bytes")));
  }
  if (total > layout::kMaxAutomatonStates) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("the patterns have ", total, " bytes together")),
                     Fix(absl::StrCat("give patterns of less than ", layout::kMaxAutomatonStates, " bytes together")));
  }
  return absl::OkStatus();
}

absl::Status Malformed(const std::string& what) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("automaton table: ", what)),
                   Fix("build the table with BuildAutomaton"));
}

}  // namespace

absl::StatusOr<std::vector<u32>> BuildAutomaton(absl::Span<const std::string> patterns) {
  PENSTOCK_RETURN_IF_ERROR(CheckPatterns(patterns));
  Trie trie;
  for (const std::string& pattern : patterns) trie.Add(pattern);
  trie.SetLongest();
  return trie.MakeTable();
}

absl::Status CheckAutomaton(absl::Span<const u32> table) {
  if (table.size() < layout::kAutomatonHeaderWords || table[0] != layout::kAutomatonMagic) return Malformed("it has no header");
  const u32 states = table[1];
  if (states == 0 || states > layout::kMaxAutomatonStates || table.size() != layout::AutomatonWords(states)) {
    return Malformed(absl::StrCat(table.size(), " words do not hold ", states, " states"));
  }
  const size_t transitions = static_cast<size_t>(states) * layout::kAutomatonRowWords;
  for (size_t i = 0; i < transitions; ++i) {
    if (layout::NextState(table[layout::kAutomatonHeaderWords + i]) >= states) {
      return Malformed(absl::StrCat("transition ", i, " leads out of it"));
    }
  }
  for (size_t i = 2; i < layout::kAutomatonHeaderWords; ++i) {
    if (table[i] != 0) return Malformed(absl::StrCat("reserved word ", i, " is not 0"));
  }
  for (u32 state = 0; state < states; ++state) {
    if (layout::MatchesAtEnd(table.data(), states, state) > layout::kMaxPatternBytes) {
      return Malformed(absl::StrCat("state ", state, " has more matches at its end than bytes"));
    }
  }
  return absl::OkStatus();
}

}  // namespace penstock
