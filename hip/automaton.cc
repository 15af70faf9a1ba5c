// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The states are the nodes of the patterns' trie. A state stands for the bytes that are still undecided: a prefix of some
// pattern that a longer match could still grow from. When a byte comes that the prefix cannot take, the front of the undecided
// bytes is decided: the longest pattern there is a match and is cut off, or, if there is none, one byte is; and so on until
// what is left is again a prefix that can grow. All of that depends on the state and the byte alone, so it is a table.
#include "penstock/automaton.h"

#include <map>
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
      for (const auto& [byte, child] : nodes_[i].child) nodes_[child].longest = std::max(nodes_[child].longest, nodes_[i].longest);
    }
  }

  u32 size() const { return static_cast<u32>(nodes_.size()); }
  const Node& node(u32 index) const { return nodes_[index]; }

  /// Decides as much of `text` as can be decided. `growing` is false when no byte will follow.
  /// Returns the matches, and in `state` the node of what is left.
  u32 Decide(std::string_view text, bool growing, u32& state) const {
    u32 matches = 0;
    for (;;) {
      u32 taken = 0;
      u32 node = Walk(text, taken);
      if (taken == text.size() && growing && !nodes_[node].child.empty()) {
        state = node;
        return matches;
      }
      if (text.empty()) {
        state = 0;
        return matches;
      }
      const u32 length = nodes_[node].longest;
      matches += length != 0 ? 1 : 0;
      text.remove_prefix(length != 0 ? length : 1);
    }
  }

 private:
  /// Follows `text` from the root as far as it goes.
  u32 Walk(std::string_view text, u32& taken) const {
    u32 node = 0;
    for (taken = 0; taken < text.size(); ++taken) {
      const auto it = nodes_[node].child.find(static_cast<u8>(text[taken]));
      if (it == nodes_[node].child.end()) break;
      node = it->second;
    }
    return node;
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

absl::Status Malformed(std::string what) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("automaton table: ", what)),
                   Fix("build the table with BuildAutomaton"));
}

}  // namespace

absl::StatusOr<std::vector<u32>> BuildAutomaton(absl::Span<const std::string> patterns) {
  PENSTOCK_RETURN_IF_ERROR(CheckPatterns(patterns));
  Trie trie;
  for (const std::string& pattern : patterns) trie.Add(pattern);
  trie.SetLongest();

  std::vector<u32> table(layout::AutomatonWords(trie.size()));
  table[0] = layout::kAutomatonMagic;
  table[1] = trie.size();
  u32* row = table.data() + layout::kAutomatonHeaderWords;
  u32* at_end = row + static_cast<size_t>(trie.size()) * layout::kAutomatonRowWords;
  std::string text;
  for (u32 state = 0; state < trie.size(); ++state, row += layout::kAutomatonRowWords) {
    text = trie.node(state).prefix;
    u32 next = 0;
    at_end[state] = trie.Decide(text, /*growing=*/false, next);
    text.push_back('\0');
    for (u32 byte = 0; byte < layout::kAutomatonRowWords; ++byte) {
      text.back() = static_cast<char>(byte);
      const u32 matches = trie.Decide(text, /*growing=*/true, next);
      row[byte] = (matches << layout::kAutomatonStateBits) | next;
    }
  }
  return table;
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
  return absl::OkStatus();
}

}  // namespace penstock
