// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Polling for completions (IOPOLL), a kernel thread that submits (SQPOLL), and both.
#include <gtest/gtest.h>

#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

class Polling : public testing::TestWithParam<ReadPath> {};

TEST_P(Polling, OfTheDeviceNeedsNoInterrupts) {
  const Disk disk = DiskOf("BLOCKS4096");
  IngestOptions options = By(GetParam(), 16 * 1024);
  const uint64_t first = InterruptsOf(disk.controller);
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
  const uint64_t second = InterruptsOf(disk.controller);
  options.poll_device = true;
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
  const uint64_t third = InterruptsOf(disk.controller);
  EXPECT_GT(second - first, 20u) << "256 reads, several an interrupt";
  EXPECT_LT(third - second, 10u) << "the probe compares with a read of its own";
}

TEST_P(Polling, ByAKernelThreadThatSubmitsDeliversAllTheSame) {
  const Disk disk = DiskOf("BLOCKS4096");
  IngestOptions options = By(GetParam(), 16 * 1024);
  options.kernel_thread = true;
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
  options.poll_device = true;
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
}

INSTANTIATE_TEST_SUITE_P(, Polling, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Polling, testing::Values(ReadPath::kBar), PathParameter);

}  // namespace
}  // namespace penstock::guest
