// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the tests of handlers and devices share: a device that is made and started, and slots that are run to their end. A test
// that a GPU compiler compiles runs on a GPU, every other one on the CPU device.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "penstock/layout/data_op.h"
#if defined(__CUDACC__) || defined(__HIP__)
#include "penstock/hip_device.h"
#else
#include "penstock/cpu_device.h"
#endif

namespace penstock {

inline constexpr absl::Duration kPatience = absl::Seconds(30);  // for what takes microseconds: only a hang is this slow

struct Shape {
  u32 workgroups;
  u32 lanes;
};
inline void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.workgroups << " workgroups of " << shape.lanes; }
inline std::string ShapeName(const testing::TestParamInfo<Shape>& info) {
  return std::to_string(info.param.workgroups) + "WorkgroupsOf" + std::to_string(info.param.lanes);
}
#if defined(__CUDACC__) || defined(__HIP__)

using TestOptions = HipDeviceOptions;

/// Every shape that the tests of handlers run in.
inline auto AllShapes() {
  return testing::Values(Shape{1, device::kGpuLanes}, Shape{2, device::kGpuLanes}, Shape{64, device::kGpuLanes});
}
/// For what lanes do, not workgroups.
inline auto LaneShapes() { return testing::Values(Shape{1, device::kGpuLanes}); }

inline TestOptions OptionsFor(const Shape& shape) {
  TestOptions options;
  options.workgroups = shape.workgroups;
  return options;
}

template <typename Program = device::Program<>>
std::unique_ptr<Device> MakeDevice(const TestOptions& options = {}) {
  auto device = MakeHipDevice<Program>(options);
  if (!device.ok()) ADD_FAILURE() << device.status();
  return *std::move(device);
}

#else

using TestOptions = CpuDeviceOptions;

inline auto AllShapes() { return testing::Values(Shape{1, 1}, Shape{2, 1}, Shape{3, 1}, Shape{1, 4}, Shape{2, 4}, Shape{3, 4}); }
inline auto LaneShapes() { return testing::Values(Shape{1, 1}, Shape{1, 3}, Shape{1, 4}); }

inline TestOptions OptionsFor(const Shape& shape) {
  TestOptions options;
  options.workgroups = shape.workgroups;
  options.lanes = shape.lanes;
  return options;
}

template <typename Program = device::Program<>>
std::unique_ptr<Device> MakeDevice(const TestOptions& options = {}) {
  auto device = MakeCpuDevice<Program>(options);
  if (!device.ok()) ADD_FAILURE() << device.status();
  return *std::move(device);
}

#endif

inline Work MakeWork(u32 opcode, std::initializer_list<u32> arguments = {}) {
  Work work;
  work.opcode = opcode;
  std::copy(arguments.begin(), arguments.end(), work.argument.begin());
  return work;
}

inline absl::Span<std::byte> AsBytes(absl::Span<u8> bytes) { return {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}; }

/// Registers bytes that outlive the device.
inline u32 Register(Device& device, absl::Span<u8> bytes, u32 rights = layout::kBufferRead | layout::kBufferWrite) {
  const auto handle = device.RegisterBuffer(AsBytes(bytes), rights);
  EXPECT_TRUE(handle.ok()) << handle.status();
  return handle.value_or(0);
}

inline Ticket Publish(Device& device, const Work& work) {
  const auto ticket = device.ring().Publish(work);
  EXPECT_TRUE(ticket.ok()) << ticket.status();
  return ticket.value_or(Ticket{});
}

inline Completion WaitFor(Device& device, const Ticket& ticket) {
  const auto completion = device.ring().Wait(ticket, kPatience);
  EXPECT_TRUE(completion.ok()) << completion.status() << "\n" << device.ring().Dump();
  return completion.value_or(Completion{});
}

/// Publishes one slot and waits for it.
inline Completion RunWork(Device& device, const Work& work) { return WaitFor(device, Publish(device, work)); }

/// Publishes all of them, so that workgroups run them side by side, and waits for all. They must fit the ring.
inline std::vector<Completion> RunAll(Device& device, const std::vector<Work>& works) {
  std::vector<Ticket> tickets;
  for (const Work& work : works) tickets.push_back(Publish(device, work));
  std::vector<Completion> completions;
  for (const Ticket& ticket : tickets) completions.push_back(WaitFor(device, ticket));
  return completions;
}

inline u64 ResultOf(const Completion& completion) {
  EXPECT_TRUE(completion.ok()) << completion.ToStatus("a slot of the test");
  return completion.result;
}

inline void ExpectFault(const Completion& completion, layout::FaultReason reason, u32 detail) {
  EXPECT_EQ(completion.fault, reason) << completion.ToStatus("a slot of the test");
  EXPECT_EQ(completion.fault_detail, detail) << completion.ToStatus("a slot of the test");
}

}  // namespace penstock
