// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What controllers write into a device's memory waits in a cache until the device is told to flush it.
#include <gtest/gtest.h>

#include "tests/fakes/forwarding_device.h"
#include "tests/runtime/pump_rig.h"

namespace penstock {
namespace {

fakes::PeerCache* cache_of_the_device = nullptr;  // MakeFlushingDevice is a plain function, which can keep nothing

class FlushingDevice final : public fakes::ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  void FlushPeerWrites() override { cache_of_the_device->Flush(); }
};

std::unique_ptr<Device> MakeFlushingDevice(const CpuDeviceOptions& options) {
  return std::make_unique<FlushingDevice>(MakeDevice<>(options));
}

class PumpIntoPeerMemory : public testing::Test {
 protected:
  PumpIntoPeerMemory() {
    cache_of_the_device = &cache;
    options.queue.cache = &cache;
    options.make_device = MakeFlushingDevice;
    options.in_device_memory = true;
  }

  fakes::PeerCache cache;
  PumpRigOptions options;
};

TEST_F(PumpIntoPeerMemory, FlushesWhatHasLandedBeforeItIsPublished) {
  options.queue.shuffle = true;
  PumpRig rig(options);
  rig.AddFile(200'000);
  rig.AddFile(4096);
  rig.AddFile(1);
  rig.ExpectAllWell(rig.Run());
  EXPECT_GT(cache.flush_count(), 0u);
}

TEST_F(PumpIntoPeerMemory, FlushesOnceForAllThatLandedTogether) {
  options.depth = 8;
  options.buffer_count = 8;
  options.inlet_count = 2;
  options.inlet_depths = {4, 4};
  options.inlets_share_queue = true;
  PumpRig rig(options);
  rig.AddFile(4 * 4096, {.inlet = 0});
  rig.AddFile(4 * 4096, {.inlet = 1});
  rig.ExpectAllWell(rig.Run());
  EXPECT_EQ(cache.flush_count(), 1u) << "the queue completes all eight reads in its first Wait";
}

TEST_F(PumpIntoPeerMemory, IsNotFlushedForHostMemory) {
  options.queue.cache = nullptr;
  options.in_device_memory = false;
  PumpRig rig(options);
  rig.AddFile(100'000);
  rig.ExpectAllWell(rig.Run());
  EXPECT_EQ(cache.flush_count(), 0u);
}

}  // namespace
}  // namespace penstock
