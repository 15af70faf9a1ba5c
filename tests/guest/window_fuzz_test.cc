// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Calls of the module with what nobody would mean, from several processes at once, while the exporter takes memory back: every
// call ends with a number, nothing beside the windows is written, and all is given back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <random>

#include "absl/time/time.h"
#include "driver/kernel/penstock_p2p/penstock_p2p.h"
#include "driver/pci_address.h"
#include "penstock/clock.h"
#include "tests/guest/window_rig.h"

namespace penstock::guest {
namespace {

constexpr absl::Duration kFuzzTime = absl::Seconds(60);
constexpr int kProcesses = 3;

/// Where the buffers lie; canaries are on both sides.
constexpr uint64_t kBegin = 16 * kMebibyte;
constexpr uint64_t kEnd = 48 * kMebibyte;

/// One process that calls.
class Caller {
 public:
  Caller(const TestExporter& exporter, uint32_t seed)
      : exporter_(exporter), random_(seed), device_(open(PeerWindows::kNode, O_RDWR | O_CLOEXEC)) {
    const driver::PciAddress address = driver::ParsePciAddress(exporter.pci_address()).value();
    function_ = {.domain = address.domain, .address = address.bus_device_function};
  }

  void CallUntil(uint64_t end_ns) {
    while (MonotonicNs() < end_ns) CallOnce();
    for (const auto& [call, count] : calls_) std::printf("  %s: %u calls, %u of them well\n", call, count.calls, count.well);
    std::fflush(stdout);
  }

 private:
  struct Count {
    uint32_t calls = 0;
    uint32_t well = 0;
  };

  uint32_t Below(uint32_t limit) { return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_); }
  bool OneOf(uint32_t n) { return Below(n) == 0; }
  uint32_t AnyWord() { return static_cast<uint32_t>(random_()); }
  uint32_t AnyWindow() { return OneOf(8) ? AnyWord() : newest_ - std::min(newest_, Below(3)); }
  void Note(const char* call, bool well) {
    ++calls_[call].calls;
    calls_[call].well += well;
  }
  bool Do(unsigned long request, void* argument) { return ioctl(device_.get(), request, argument) >= 0; }

  void CallOnce() {
    switch (Below(8)) {
      case 0:
      case 1: return Reserve();
      case 2: return Query();
      case 3: return Export();
      case 4: return Release();
      case 5:
      case 6: return Map();
      default: return Nonsense();
    }
  }

  void Reserve() {
    const uint64_t length = OneOf(4) ? 4096 * (1 + Below(1024)) : 2 * kMebibyte * (1 + Below(3));
    const uint64_t grain = OneOf(4) ? 4096 : 2 * kMebibyte;
    const uint64_t offset = kBegin + Below(static_cast<uint32_t>((kEnd - kBegin - length) / grain + 1)) * grain;
    const uint32_t flags = OneOf(4) ? 1u << Below(5) : 0;
    const auto buffer = exporter_.Export({{.offset_bytes = offset, .length_bytes = length}}, {flags, EIO});
    penstock_p2p_reserve reserve{};
    reserve.dma_buf = buffer.ok() && !OneOf(8) ? buffer->dma_buf.get() : static_cast<int>(Below(32)) - 4;
    reserve.function = function_;
    if (OneOf(8)) reserve.function.address ^= 1u << Below(20);
    if (OneOf(8)) reserve.flags = AnyWord();
    const bool well = Do(PENSTOCK_P2P_RESERVE, &reserve);
    if (well) newest_ = reserve.window;
    Note("reserve", well);
    if (buffer.ok() && OneOf(3)) (void)exporter_.Move(buffer->number);
  }
  void Query() {
    penstock_p2p_query query{};
    query.window = OneOf(2) ? 0 : AnyWindow();
    const bool well = Do(PENSTOCK_P2P_QUERY, &query);
    if (well) newest_ = query.window;
    Note("query", well);
  }
  void Export() {
    penstock_p2p_export request{.window = AnyWindow(), .dma_buf = -1};
    const bool well = Do(PENSTOCK_P2P_EXPORT, &request);
    if (well) close(request.dma_buf);
    Note("export", well);
  }
  void Release() {
    penstock_p2p_release release{.window = AnyWindow(), .reserved = OneOf(8) ? AnyWord() : 0};
    Note("release", Do(PENSTOCK_P2P_RELEASE, &release));
  }
  void Map() {
    const uint64_t offset = (uint64_t{AnyWindow()} << 40) + (OneOf(4) ? 4096ull * Below(4096) : 0);
    const size_t bytes = 4096 * (1 + Below(OneOf(4) ? 65536 : 512));
    const int flags = OneOf(8) ? MAP_PRIVATE : MAP_SHARED;
    void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, device_.get(), static_cast<off_t>(offset));
    Note("map", at != MAP_FAILED);
    if (at == MAP_FAILED) return;
    if (OneOf(2)) {  // by a system call, which tells of memory that is gone, where a load would be the end
      const FileDescriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
      (void)!read(zero.get(), at, std::min<size_t>(bytes, 65536));
    }
    if (OneOf(4)) (void)madvise(at, bytes, MADV_DONTNEED);
    munmap(at, bytes);
  }
  void Nonsense() {
    uint64_t words[256];
    for (uint64_t& word : words) word = OneOf(3) ? random_() : 0;
    const bool valid = OneOf(2);
    const unsigned long request = valid ? _IOC(Below(4), PENSTOCK_P2P_MAGIC, Below(8), Below(2048)) : random_() & 0xFFFFFFFF;
    void* const argument = OneOf(4) ? reinterpret_cast<void*>(random_()) : words;
    Note("nonsense", Do(request, argument));
  }

  const TestExporter& exporter_;
  std::mt19937_64 random_;
  const FileDescriptor device_;
  penstock_p2p_function function_ = {};
  uint32_t newest_ = 1;
  std::map<const char*, Count> calls_;
};

using WindowFuzz = WindowTest;

TEST_F(WindowFuzz, LeavesTheKernelWell) {
  WholeBar bar(pci_address());
  bar.Mark();
  const uint64_t end_ns = MonotonicNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(kFuzzTime));
  const uint32_t seed = std::random_device()();
  std::cout << "seed " << seed << std::endl;
  std::vector<pid_t> callers;
  for (uint32_t i = 0; i < kProcesses; ++i) {
    callers.push_back(fork());
    if (callers.back() != 0) continue;
    Caller(exporter_, seed + i).CallUntil(end_ns);
    _exit(0);
  }
  for (const pid_t caller : callers) {
    int status = 0;
    EXPECT_EQ(waitpid(caller, &status, 0), caller);
    EXPECT_EQ(status, 0) << "a caller died";
  }
  EXPECT_EQ(bar.FirstChangeOutside({{.offset_bytes = kBegin, .length_bytes = kEnd - kBegin}}), kBarBytes);
}

}  // namespace
}  // namespace penstock::guest
