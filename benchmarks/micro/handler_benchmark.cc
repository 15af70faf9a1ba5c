// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the data handlers make of their bytes, one lane, each beside the plain way to do the same.
#include <benchmark/benchmark.h>
#include <isa-l/crc.h>

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "penstock/automaton.h"
#include "penstock/check.h"
#include "penstock/device/program.h"

namespace penstock {
namespace {

using Program = device::Program<>;

constexpr u32 kBytes = 1 << 20;  // one chunk of a stream
constexpr u32 kSourceHandle = layout::MakeHandle(0, 1);
constexpr u32 kTargetHandle = layout::MakeHandle(1, 1);
constexpr u32 kAutomatonHandle = layout::MakeHandle(2, 1);

const std::vector<std::string> kPatterns = {"error", "warning", "timeout", "GET /", "POST /"};

// Lines as a log has them, with a match in some.
std::vector<u8> LogText() {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < kBytes) {
    for (u32 words = 4 + static_cast<u32>(random() % 12); words > 0; --words) {
      for (u32 letters = 2 + static_cast<u32>(random() % 8); letters > 0; --letters)
        text += static_cast<char>('a' + random() % 26);
      text += ' ';
    }
    text += random() % 4 == 0 ? kPatterns[random() % kPatterns.size()] + '\n' : "\n";
  }
  return {text.begin(), text.begin() + kBytes};
}

// A device's memory as far as a handler looks at it.
class Bench {
 public:
  Bench() {
    rows_[0] = {reinterpret_cast<u64>(source.data()), source.size(), layout::kBufferRead, 1, 0};
    rows_[1] = {reinterpret_cast<u64>(target.data()), target.size(), layout::kBufferRead | layout::kBufferWrite, 1, 0};
    UseAutomaton(kPatterns);
    view_.buffers = rows_.data();
    view_.buffer_count = static_cast<u32>(rows_.size());
    layout::EncodeRange({kSourceHandle, 0, kBytes}, argument.data());
  }
  void UseAutomaton(const std::vector<std::string>& patterns) {
    automaton = BuildAutomaton(patterns).value();
    rows_[2] = {reinterpret_cast<u64>(automaton.data()), automaton.size() * sizeof(u32),
                layout::kBufferRead | layout::kBufferAutomaton, 1, 0};
  }
  // The slot's range is then the target, and its pattern the source's first bytes.
  void UsePattern(u32 pattern_bytes) {
    layout::EncodeRange({kTargetHandle, 0, kBytes}, argument.data());
    layout::EncodePattern({kSourceHandle, pattern_bytes, 0}, argument.data());
  }
  u64 Run(u32 opcode) {
    device::Wait wait = {};
    const device::Context context = {view_, group_, argument.data(), layout::kArgumentCount, {}, scratch_, inner_, wait};
    const device::Outcome outcome = Program::Run(opcode, context);
    PENSTOCK_CHECK(outcome.status == layout::kDone);
    return outcome.result;
  }

  std::vector<u8> source = LogText();
  std::vector<u8> target = std::vector<u8>(kBytes);
  std::vector<u32> automaton;
  std::array<u32, layout::kArgumentCount> argument = {};

 private:
  device::DeviceView view_ = {};
  device::Group group_{0, 0, 1, nullptr};
  std::array<layout::BufferRow, 3> rows_ = {};
  alignas(64) unsigned char scratch_[Program::kScratchBytes];
  device::Outcome inner_[2];
};

void SetBytes(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * kBytes); }

void BM_Crc32cHandler(benchmark::State& state) {
  Bench bench;
  for (auto _ : state) benchmark::DoNotOptimize(bench.Run(layout::kCrc32c));
  SetBytes(state);
}
BENCHMARK(BM_Crc32cHandler);

void BM_Crc32cIsal(benchmark::State& state) {
  Bench bench;
  for (auto _ : state) benchmark::DoNotOptimize(crc32_iscsi(bench.source.data(), kBytes, ~0u));
  SetBytes(state);
}
BENCHMARK(BM_Crc32cIsal);

void BM_HistogramHandler(benchmark::State& state) {
  Bench bench;
  layout::EncodeDestination({kTargetHandle, 0}, bench.argument.data());
  for (auto _ : state) benchmark::DoNotOptimize(bench.Run(layout::kHistogram));
  SetBytes(state);
}
BENCHMARK(BM_HistogramHandler);

void BM_HistogramNaive(benchmark::State& state) {
  Bench bench;
  for (auto _ : state) {
    std::array<u32, layout::kHistogramBins> count = {};
    for (u8 byte : bench.source) ++count[byte];
    benchmark::DoNotOptimize(count);
  }
  SetBytes(state);
}
BENCHMARK(BM_HistogramNaive);

void BM_MatchHandler(benchmark::State& state) {
  Bench bench;
  layout::EncodeMatch({kAutomatonHandle, 0, layout::MatchMode::kScan}, bench.argument.data());
  u64 result = 0;
  for (auto _ : state) benchmark::DoNotOptimize(result = bench.Run(layout::kMatch));
  state.counters["matches"] = layout::LowWord(result);
  SetBytes(state);
}
BENCHMARK(BM_MatchHandler);

// The worst case: a text of one letter, in which no two runs ever meet and every part has to be run again.
void BM_MatchHandlerOfOneLetter(benchmark::State& state) {
  Bench bench;
  bench.source.assign(kBytes, 'a');
  bench.UseAutomaton({"aaa"});
  layout::EncodeMatch({kAutomatonHandle, 0, layout::MatchMode::kScan}, bench.argument.data());
  for (auto _ : state) benchmark::DoNotOptimize(bench.Run(layout::kMatch));
  SetBytes(state);
}
BENCHMARK(BM_MatchHandlerOfOneLetter);

void BM_MatchNaive(benchmark::State& state) {
  Bench bench;
  u32 matches = 0;
  for (auto _ : state) {
    matches = 0;
    u32 automaton_state = 0;
    for (u8 byte : bench.source) {
      const u32 transition = layout::Transition(bench.automaton.data(), automaton_state, byte);
      matches += layout::Emitted(transition);
      automaton_state = layout::NextState(transition);
    }
    benchmark::DoNotOptimize(matches);
  }
  state.counters["matches"] = matches;
  SetBytes(state);
}
BENCHMARK(BM_MatchNaive);

void BM_VerifyHandler(benchmark::State& state) {
  Bench bench;
  bench.UsePattern(static_cast<u32>(state.range(0)));
  bench.Run(layout::kFill);
  for (auto _ : state) benchmark::DoNotOptimize(bench.Run(layout::kVerify));
  SetBytes(state);
}
BENCHMARK(BM_VerifyHandler)->ArgName("pattern_bytes")->Arg(1)->Arg(16)->Arg(4096)->Arg(kBytes);

void BM_FillHandler(benchmark::State& state) {
  Bench bench;
  bench.UsePattern(static_cast<u32>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(bench.Run(layout::kFill));
  SetBytes(state);
}
BENCHMARK(BM_FillHandler)->ArgName("pattern_bytes")->Arg(1)->Arg(16)->Arg(4096)->Arg(kBytes);

void BM_VerifyMemcmp(benchmark::State& state) {
  Bench bench;
  bench.target = bench.source;
  for (auto _ : state) benchmark::DoNotOptimize(std::memcmp(bench.source.data(), bench.target.data(), kBytes));
  SetBytes(state);
}
BENCHMARK(BM_VerifyMemcmp);

void BM_CopyHandler(benchmark::State& state) {
  Bench bench;
  layout::EncodeDestination({kTargetHandle, 0}, bench.argument.data());
  for (auto _ : state) benchmark::DoNotOptimize(bench.Run(layout::kCopy));
  SetBytes(state);
}
BENCHMARK(BM_CopyHandler);

void BM_CopyMemcpy(benchmark::State& state) {
  Bench bench;
  for (auto _ : state) {
    std::memcpy(bench.target.data(), bench.source.data(), kBytes);
    benchmark::ClobberMemory();
  }
  SetBytes(state);
}
BENCHMARK(BM_CopyMemcpy);

}  // namespace
}  // namespace penstock
