// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/automaton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "penstock/device/match_handler.h"
#include "penstock/error.h"

namespace penstock {
namespace {

using device::MatchRepair;
using device::MatchRun;
using device::MatchTable;
using testing::HasSubstr;

using Patterns = std::vector<std::string>;

// The definition, with nothing of the automaton in it: leftmost first, longest there, go on behind it.
u64 CountStraight(const Patterns& patterns, const std::string& text) {
  u64 matches = 0;
  for (size_t at = 0; at < text.size();) {
    size_t longest = 0;
    for (const std::string& pattern : patterns) {
      if (text.compare(at, pattern.size(), pattern) == 0) longest = std::max(longest, pattern.size());
    }
    matches += longest != 0 ? 1 : 0;
    at += std::max<size_t>(longest, 1);
  }
  return matches;
}

std::vector<u32> Build(const Patterns& patterns) {
  auto table = BuildAutomaton(patterns);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.value_or(std::vector<u32>{});
}

u64 AtEnd(const std::vector<u32>& table, u32 state) { return layout::MatchesAtEnd(table.data(), table[1], state); }

const u8* BytesOf(const std::string& text, size_t at) { return reinterpret_cast<const u8*>(text.data()) + at; }

u64 CountWhole(const std::vector<u32>& table, const std::string& text) {
  const MatchRun run = MatchTable(table.data()).Scan(BytesOf(text, 0), static_cast<u32>(text.size()), 0);
  return run.matches + AtEnd(table, run.state);
}

// Scans every piece from the root, then repairs each with the state in which the one before it truly ended.
u64 CountInPieces(const std::vector<u32>& table, const std::string& text, const std::vector<size_t>& cuts) {
  const MatchTable automaton(table.data());
  u64 matches = 0;
  u32 state = 0;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const u8* piece = BytesOf(text, cuts[i]);
    const u32 length = static_cast<u32>(cuts[i + 1] - cuts[i]);
    const MatchRun run = automaton.Scan(piece, length, 0);
    const MatchRepair repair = automaton.Repair(piece, length, state);
    matches += run.matches + static_cast<u32>(repair.matches);
    matches &= 0xFFFFFFFF;  // the repair is a signed word
    state = repair.state == layout::kConverged ? run.state : repair.state;
  }
  return matches + AtEnd(table, state);
}

class RandomText {
 public:
  explicit RandomText(u32 seed) : random_(seed) {}

  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }
  std::string Over(const std::string& alphabet, size_t length) {
    std::string text(length, '\0');
    for (char& c : text) c = alphabet[Below(static_cast<u32>(alphabet.size()))];
    return text;
  }
  Patterns PatternsOver(const std::string& alphabet) {
    Patterns patterns(1 + Below(6));
    for (std::string& pattern : patterns) pattern = Over(alphabet, 1 + Below(7));
    if (Below(2) == 0) patterns.push_back(patterns[0] + patterns.back());        // one begins with another
    if (Below(2) == 0) patterns.push_back(patterns[0].substr(0, 1 + Below(2)));  // and the other way round
    return patterns;
  }
  std::vector<size_t> Cuts(size_t length) {
    std::vector<size_t> cuts = {0, length};
    for (u32 i = Below(8); i > 0; --i) cuts.push_back(Below(static_cast<u32>(length) + 1));
    std::sort(cuts.begin(), cuts.end());
    return cuts;
  }

 private:
  std::mt19937 random_;
};

constexpr u32 kSeed = 20261121;
const std::string kAlphabets[] = {"a", "ab", "abc", std::string("\0\xff", 2), std::string("\0\n\x80z", 4)};

TEST(Automaton, CountsAsAStraightScanDoesOnRandomTexts) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  RandomText random(kSeed);
  for (u32 round = 0; round < 2000; ++round) {
    const std::string& alphabet = kAlphabets[random.Below(std::size(kAlphabets))];
    const Patterns patterns = random.PatternsOver(alphabet);
    const std::string text = random.Over(alphabet, random.Below(80));
    ASSERT_EQ(CountWhole(Build(patterns), text), CountStraight(patterns, text))
        << testing::PrintToString(patterns) << " in " << testing::PrintToString(text);
  }
}

TEST(Automaton, CountsTheSameHoweverTheTextIsCut) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  RandomText random(kSeed + 1);
  for (u32 round = 0; round < 2000; ++round) {
    const std::string& alphabet = kAlphabets[random.Below(std::size(kAlphabets))];
    const Patterns patterns = random.PatternsOver(alphabet);
    const std::string text = random.Over(alphabet, 1 + random.Below(120));
    const std::vector<size_t> cuts = random.Cuts(text.size());
    ASSERT_EQ(CountInPieces(Build(patterns), text, cuts), CountStraight(patterns, text))
        << testing::PrintToString(patterns) << " in " << testing::PrintToString(text) << " cut at "
        << testing::PrintToString(cuts);
  }
}

TEST(Automaton, CountsWithoutOverlap) {
  const auto table = Build({"aa"});
  for (u32 length = 0; length < 20; ++length) EXPECT_EQ(CountWhole(table, std::string(length, 'a')), length / 2);
}

TEST(Automaton, TakesTheLongestPatternEvenIfAShorterOneCouldBeFollowedByMore) {
  EXPECT_EQ(CountWhole(Build({"a", "ab", "abcd"}), "abcabcdaab"), 4u);  // ab, abcd, a, ab
}

TEST(Automaton, DecidesWhatIsPendingAtTheEndOfTheText) {
  const auto table = Build({"ab", "abcde", "c"});
  const MatchRun run = MatchTable(table.data()).Scan(BytesOf("abcd", 0), 4, 0);
  EXPECT_EQ(run.matches, 0u);  // "abcde" may still come
  EXPECT_EQ(AtEnd(table, run.state), 2u);
  EXPECT_EQ(AtEnd(table, 0), 0u);
}

TEST(Automaton, MayCompleteManyMatchesWithOneByte) {
  const auto table = Build({"a", std::string(254, 'a') + "b"});
  EXPECT_EQ(CountWhole(table, std::string(254, 'a') + "c"), 254u);
  EXPECT_EQ(CountWhole(table, std::string(254, 'a') + "b"), 1u);
}

TEST(Automaton, RepairOfAPieceThatNeverMeetsGivesItsTrueEnd) {
  const auto table = Build({"aa"});
  const std::string text(9, 'a');
  const MatchTable automaton(table.data());
  const u32 odd = automaton.Scan(BytesOf(text, 0), 1, 0).state;
  const MatchRepair repair = automaton.Repair(BytesOf(text, 0), 9, odd);
  EXPECT_EQ(repair.matches, 1);  // 5 with the byte before, 4 without
  EXPECT_EQ(repair.state, 0u);
}

TEST(Automaton, RepairFromTheRootChangesNothing) {
  const auto table = Build({"abc"});
  const MatchRepair repair = MatchTable(table.data()).Repair(BytesOf("xabcab", 0), 6, 0);
  EXPECT_EQ(repair.matches, 0);
  EXPECT_EQ(repair.state, layout::kConverged);
}

TEST(Automaton, CountsWhatGrepPrints) {
  if (std::system("grep --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "grep is missing. Fix: apt-get install grep.";
  RandomText random(kSeed + 2);
  const std::string path = testing::TempDir() + "penstock_automaton_" + std::to_string(getpid());
  for (u32 round = 0; round < 12; ++round) {
    const Patterns patterns = random.PatternsOver("abc");
    const std::string text = random.Over(std::string("aabbcc\n\0\xfe", 9), 20000);
    std::ofstream(path, std::ios::binary) << text;
    std::string command = "LC_ALL=C grep -a -o -F";
    for (const std::string& pattern : patterns) command += " -e " + pattern;
    FILE* pipe = popen((command + " " + path + " | wc -l").c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    unsigned long long printed = 0;
    EXPECT_EQ(fscanf(pipe, "%llu", &printed), 1);
    EXPECT_EQ(pclose(pipe), 0);
    EXPECT_EQ(CountWhole(Build(patterns), text), printed) << command;
  }
  unlink(path.c_str());
}

TEST(BuildAutomaton, RefusesPatternsPastItsLimits) {
  const Patterns many(258, std::string(255, 'a'));
  const struct {
    Patterns patterns;
    const char* text;
  } cases[] = {
      {{}, "no pattern"}, {{"a", ""}, "0 bytes"}, {{std::string(256, 'a')}, "256 bytes"}, {many, "65791 bytes together"}};
  for (const auto& [patterns, text] : cases) {
    const absl::Status status = BuildAutomaton(patterns).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_FALSE(RemedyOf(status).empty());
  }
}

TEST(BuildAutomaton, TakesTheLongestPatternAndManyStates) {
  RandomText random(kSeed + 3);
  Patterns patterns;
  for (u32 i = 0; i < 8; ++i) patterns.push_back(random.Over("ab", layout::kMaxPatternBytes));
  const auto table = Build(patterns);
  EXPECT_TRUE(CheckAutomaton(table).ok());
  std::string text = random.Over("ab", 1000);
  for (const std::string& pattern : patterns) text += pattern + random.Over("ab", 10) + pattern.substr(100) + pattern;
  EXPECT_EQ(CountWhole(table, text), CountStraight(patterns, text));
}

TEST(CheckAutomaton, AcceptsWhatBuildAutomatonMakes) { EXPECT_TRUE(CheckAutomaton(Build({"abc", "ab", "x"})).ok()); }

TEST(CheckAutomaton, RefusesACorruptedTable) {
  const std::vector<u32> good = Build({"abc", "x"});
  const u32 states = good[1];
  const size_t at_end = good.size() - states;
  struct Corruption {
    size_t word;
    u32 value;
  };
  for (const auto& [word, value] : {Corruption{0, 0},
                                    {1, 0},
                                    {1, states + 1},
                                    {1, layout::kMaxAutomatonStates + 1},
                                    {1, ~0u},
                                    {2, 1},
                                    {layout::kAutomatonHeaderWords, states},
                                    {at_end - 1, layout::kAutomatonStateMask},
                                    {at_end, layout::kMaxPatternBytes + 1}}) {
    std::vector<u32> bad = good;
    bad[word] = value;
    EXPECT_EQ(CheckAutomaton(bad).code(), absl::StatusCode::kInvalidArgument) << "word " << word << " = " << value;
  }
}

TEST(CheckAutomaton, RefusesATableOfTheWrongLength) {
  std::vector<u32> table = Build({"ab"});
  for (size_t words : {size_t{0}, size_t{1}, size_t{15}, table.size() - 1}) {
    EXPECT_FALSE(CheckAutomaton(absl::MakeConstSpan(table).first(words)).ok()) << words;
  }
  table.push_back(0);
  EXPECT_FALSE(CheckAutomaton(table).ok());
}

}  // namespace
}  // namespace penstock
