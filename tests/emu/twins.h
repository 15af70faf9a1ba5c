// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two devices that are given the same: the megakernel's gfx1100 code in the emulator, and the CPU device. They have to say the
// same of every slot, and to leave the same in buffers, user words, counters and debug log.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "penstock/packed.h"
#include "tests/emu/emulated_device.h"
#include "tests/hip/device_session.h"

namespace penstock {

inline constexpr absl::Duration kEmulatorPatience = absl::Seconds(300);  // a slot takes a quarter of a second, some take many

class Twins : public testing::Test {
 protected:
  static constexpr u32 kUserWords = 32;
  static constexpr u32 kSeed = 20261121;

  static DeviceOptions Options() {
    DeviceOptions options;
    options.ring.slot_counts = {64, 64, 64, 64, 64};
    options.user_words = kUserWords;
    options.max_buffers = 8;
    options.debug_log_records = 4;
    options.mirror_interval = absl::Seconds(5);  // a mirror takes the emulator as long as several slots
    return options;
  }

  void SetUp() override {
    if (std::getenv("PENSTOCK_EMULATOR") == nullptr) {
      GTEST_SKIP() << "PENSTOCK_EMULATOR is not set. Fix: set it to a checkout that offers test.mockgpu.amd.emu.run_asm "
                      "(docs/testing.md).";
    }
    ASSERT_TRUE(EnsureEmulator().ok()) << EnsureEmulator();
    Make(Options());
  }
  void TearDown() override {
    emulated_.reset();
    cpu_.reset();
    Arena().Clear();
    if (HasFailure()) Emulator().reset();  // who knows what it is doing
  }

  /// Makes both anew.
  void Make(const DeviceOptions& options) {
    auto emulated = MakeEmulatedDevice(options, Arena(), *Emulator());
    ASSERT_TRUE(emulated.ok()) << emulated.status();
    emulated_ = *std::move(emulated);
    CpuDeviceOptions cpu;
    static_cast<DeviceOptions&>(cpu) = options;
    cpu.lanes = 4;
    cpu_ = MakeDevice(cpu);
    user_words_ = options.user_words;
  }

  u32 Register(const std::vector<u8>& content, u32 rights = layout::kBufferRead | layout::kBufferWrite) {
    Buffer& buffer = buffers_.emplace_back();
    buffer.emulated = Arena().Allocate(content.size());
    std::memcpy(buffer.emulated.data(), content.data(), content.size());
    buffer.cpu = content;
    const auto handle = emulated_->RegisterBuffer(buffer.emulated, rights);
    EXPECT_TRUE(handle.ok()) << handle.status();
    EXPECT_EQ(penstock::Register(*cpu_, absl::MakeSpan(buffer.cpu), rights), handle.value_or(0));
    return handle.value_or(0);
  }
  u32 RegisterAutomaton(const std::vector<u32>& table) {
    const auto handle = emulated_->RegisterAutomaton(table);
    EXPECT_TRUE(handle.ok()) << handle.status();
    EXPECT_EQ(cpu_->RegisterAutomaton(table).value_or(0), handle.value_or(0));
    return handle.value_or(0);
  }
  void SetTenant(const TenantRights& rights) {
    for (Device* device : Both()) EXPECT_TRUE(device->SetTenant(rights).ok());
  }

  void Publish(const Work& work) {
    published_.push_back({work, penstock::Publish(*emulated_, work), penstock::Publish(*cpu_, work)});
  }
  void Publish(const std::vector<Work>& works) {
    for (const Work& work : works) Publish(work);
  }

  void RunOnce() {
    for (Device* device : Both()) {
      const absl::Status status = device->RunOnce(kEmulatorPatience);
      ASSERT_TRUE(status.ok()) << device->name() << ": " << status;
    }
  }
  void Start() {
    for (Device* device : Both()) ASSERT_TRUE(device->Start().ok());
  }
  void Stop() {
    for (Device* device : Both()) {
      const absl::Status status = device->Stop(kEmulatorPatience);
      ASSERT_TRUE(status.ok()) << device->name() << ": " << status;
    }
  }

  /// Waits for every slot that is published, and compares how it ended. Returns how, on the emulator; as many as were published.
  std::vector<Completion> ReapSame() {
    std::vector<Completion> completions;
    const size_t count = published_.size();
    for (const Published& slot : published_) {
      const auto emulated = emulated_->ring().Wait(slot.emulated, kEmulatorPatience);
      const auto cpu = cpu_->ring().Wait(slot.cpu, kPatience);
      EXPECT_TRUE(emulated.ok() && cpu.ok()) << emulated.status() << cpu.status() << emulated_->ring().Dump();
      if (!emulated.ok() || !cpu.ok()) break;
      const std::string which = "slot " + std::to_string(completions.size()) + ", opcode " + std::to_string(slot.work.opcode);
      EXPECT_EQ(emulated->fault, cpu->fault) << which;
      EXPECT_EQ(emulated->fault_detail, cpu->fault_detail) << which;
      EXPECT_EQ(emulated->result, cpu->result) << which;
      completions.push_back(*emulated);
    }
    published_.clear();
    completions.resize(count);
    return completions;
  }

  /// Compares what the slots left behind. Requires: both are stopped, so that what they mirror is exact.
  void ExpectSameState() {
    for (size_t i = 0; i < buffers_.size(); ++i) {
      EXPECT_EQ(std::memcmp(buffers_[i].emulated.data(), buffers_[i].cpu.data(), buffers_[i].cpu.size()), 0) << "buffer " << i;
    }
    for (u32 i = 0; i < user_words_; ++i) {
      const u32 word = layout::kControlUserWords + i;
      EXPECT_EQ(emulated_->control_word(word), cpu_->control_word(word)) << "user word " << i;
    }
    ExpectSameCounters(emulated_->counters(), cpu_->counters());
    const auto emulated_log = emulated_->debug_log();
    const auto cpu_log = cpu_->debug_log();
    ASSERT_EQ(emulated_log.size(), cpu_log.size());
    for (size_t i = 0; i < cpu_log.size(); ++i) {
      EXPECT_EQ(std::memcmp(&emulated_log[i], &cpu_log[i], sizeof(cpu_log[i])), 0) << "record " << i;
    }
  }

  /// Runs what is published, on both, and compares everything.
  std::vector<Completion> RunSame() {
    RunOnce();
    if (HasFatalFailure()) return std::vector<Completion>(published_.size());
    std::vector<Completion> completions = ReapSame();
    if (!HasFatalFailure()) ExpectSameState();
    return completions;
  }

  std::vector<u8> RandomBytes(size_t count) {
    std::vector<u8> bytes(count);
    for (u8& byte : bytes) byte = static_cast<u8>(random_());
    return bytes;
  }
  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }

  std::unique_ptr<Device> emulated_;
  std::unique_ptr<Device> cpu_;
  std::mt19937 random_{kSeed};

 private:
  struct Buffer {
    absl::Span<std::byte> emulated;
    std::vector<u8> cpu;
  };
  struct Published {
    Work work;
    Ticket emulated;
    Ticket cpu;
  };

  static SharedArena& Arena() {
    static SharedArena arena;
    return arena;
  }
  static std::unique_ptr<EmulatorProcess>& Emulator() {
    static std::unique_ptr<EmulatorProcess> emulator;
    return emulator;
  }
  static absl::Status EnsureEmulator() {
    if (Emulator() != nullptr) return absl::OkStatus();
    auto started = EmulatorProcess::Start({PENSTOCK_EMU_PYTHON, PENSTOCK_EMU_PROGRAM, PENSTOCK_EMU_CODE_OBJECT}, Arena());
    if (!started.ok()) return started.status();
    Emulator() = *std::move(started);
    return absl::OkStatus();
  }

  std::vector<Device*> Both() { return {emulated_.get(), cpu_.get()}; }

  // Looks, heartbeats and yields depend on time.
  static void ExpectSameCounters(const layout::Counters& emulated, const layout::Counters& cpu) {
    EXPECT_EQ(emulated.done, cpu.done);
    EXPECT_EQ(emulated.faults, cpu.faults);
    EXPECT_EQ(emulated.debug_log_dropped, cpu.debug_log_dropped);
    EXPECT_THAT(emulated.opcode, testing::ElementsAreArray(cpu.opcode));
    EXPECT_THAT(emulated.priority, testing::ElementsAreArray(cpu.priority));
    EXPECT_THAT(emulated.tenant, testing::ElementsAreArray(cpu.tenant));
  }

  u32 user_words_ = 0;
  std::deque<Buffer> buffers_;
  std::vector<Published> published_;
};

}  // namespace penstock
