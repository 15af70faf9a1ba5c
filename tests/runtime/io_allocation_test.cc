// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An I/O service allocates for what is registered, never for a request. A binary of its own: it counts allocations.
#include <gtest/gtest.h>

#include "tests/fakes/counting_allocator.h"
#include "tests/runtime/io_rig.h"

namespace penstock {
namespace {

class IoAllocation : public testing::TestWithParam<ReadPath> {};
INSTANTIATE_TEST_SUITE_P(Paths, IoAllocation, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path_info) { return std::string(ReadPathName(path_info.param)); });

TEST_P(IoAllocation, NothingIsAllocatedForARequestOrItsTimes) {
  if (GetParam() == ReadPath::kRead && !PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  std::vector<IoRequestTimes> times(100);
  IoRig rig({.service = {.path = GetParam(), .request_times = absl::MakeSpan(times)}});
  const u32 source = rig.AddSource(1u << 20);
  rig.Start();
  fakes::FakeRequester& requester = rig.requesters[0];
  const auto serve = [&](u32 count) {
    for (u32 ended = 0, posted = 0; ended < count; ended += requester.TryTake().has_value() ? 1 : 0) {
      if (posted == count || !requester.HasRoom()) continue;
      const u32 destination = rig.destinations[static_cast<u32>(std::countr_one(requester.in_flight()))];
      requester.Post(++posted % 10 == 0 ? fakes::kFence
                                        : IoRig::Read(source, destination, posted % 50 * 4096, 4096, posted % 100));
    }
  };
  serve(1000);  // first uses
  uint64_t allocated = 1;
  for (int tries = 0; tries < 4 && allocated > 0; ++tries) {  // one that something disturbs may allocate a status for it
    const uint64_t before = fakes::AllocationCount();
    serve(2000);
    allocated = fakes::AllocationCount() - before;
  }
  EXPECT_EQ(allocated, 0u);
}

}  // namespace
}  // namespace penstock
