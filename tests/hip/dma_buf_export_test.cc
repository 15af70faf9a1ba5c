// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which call exports memory, and what is made of its answers. No GPU is needed: the calls are the test's own.
#include "hip/dma_buf_export.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "penstock/error.h"
#include "penstock/hip_device.h"

namespace penstock::hip {
namespace {

using testing::HasSubstr;

constexpr size_t kBytes = 2 << 20;
char memory_of_a_gpu;

int NewDescriptor() { return memfd_create("dma-buf", MFD_CLOEXEC); }

int RangeWorks(void* descriptor, void* address, size_t bytes, int type, unsigned long long flags) {
  EXPECT_EQ(address, &memory_of_a_gpu);
  EXPECT_EQ(bytes, kBytes);
  EXPECT_EQ(type, 1);
  EXPECT_EQ(flags, 0u);
  *static_cast<int*>(descriptor) = NewDescriptor();
  return 0;
}
int RangeFails(void*, void*, size_t, int, unsigned long long) { return 801; }

int AllocationWorks(const void* address, size_t bytes, int* descriptor, uint64_t* offset_bytes) {
  EXPECT_EQ(address, &memory_of_a_gpu);
  EXPECT_EQ(bytes, kBytes);
  *descriptor = NewDescriptor();
  *offset_bytes = 0;
  return 0;
}
int last_descriptor = -1;
int AllocationIsAPart(const void*, size_t, int* descriptor, uint64_t* offset_bytes) {
  *descriptor = last_descriptor = NewDescriptor();
  *offset_bytes = 4096;
  return 0;
}
int AllocationFails(const void*, size_t, int*, uint64_t*) { return 0x1001; }
int AllocationIsNotAsked(const void*, size_t, int*, uint64_t*) {
  ADD_FAILURE() << "the call for a range has done it";
  return 1;
}

TEST(ExportDmaBuf, TakesTheRangeWhereItCan) {
  for (const DmaBufCalls& calls : {DmaBufCalls{RangeWorks, nullptr}, DmaBufCalls{RangeWorks, AllocationIsNotAsked}}) {
    const absl::StatusOr<FileDescriptor> exported = ExportDmaBuf(calls, &memory_of_a_gpu, kBytes);
    ASSERT_TRUE(exported.ok()) << exported.status();
    EXPECT_GE(exported->get(), 0);
  }
}

TEST(ExportDmaBuf, TakesTheAllocationOtherwise) {
  for (const DmaBufCalls& calls : {DmaBufCalls{nullptr, AllocationWorks}, DmaBufCalls{RangeFails, AllocationWorks}}) {
    EXPECT_TRUE(ExportDmaBuf(calls, &memory_of_a_gpu, kBytes).ok());
  }
}

TEST(ExportDmaBuf, RefusesWhatBeginsElsewhere) {
  const absl::Status status = ExportDmaBuf({nullptr, AllocationIsAPart}, &memory_of_a_gpu, kBytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(CauseOf(status), HasSubstr("begins 4096 bytes before"));
  EXPECT_EQ(fcntl(last_descriptor, F_GETFD), -1) << "it is closed again";
}

TEST(ExportDmaBuf, SaysWhichCallRefused) {
  EXPECT_THAT(CauseOf(ExportDmaBuf({RangeFails, nullptr}, &memory_of_a_gpu, kBytes).status()), HasSubstr("ended with 801"));
  const absl::Status status = ExportDmaBuf({RangeFails, AllocationFails}, &memory_of_a_gpu, kBytes).status();
  EXPECT_THAT(CauseOf(status), HasSubstr("hsa_amd_portable_export_dmabuf ended with 4097"));
  EXPECT_NE(RemedyOf(status), "");
}

TEST(ExportDmaBuf, NeedsALibraryThatHasOneOfTheCalls) {
  const absl::Status status = ExportDmaBuf({}, &memory_of_a_gpu, kBytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(RemedyOf(status), HasSubstr("ROCm"));
}

TEST(AllocateExported, RefusesWhatCanBeNoWindowBeforeItLooksForAGpu) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{4096}, uint64_t{(2 << 20) + 4096}}) {
    const absl::Status status = AllocateExported(0, bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bytes;
    EXPECT_THAT(RemedyOf(status), HasSubstr("a multiple of 2 MiB"));
  }
}

TEST(FindDmaBufCalls, FindsWhatIsLoadedAndNothingElse) {
  const DmaBufCalls calls = FindDmaBufCalls({.of_range = "getpid", .of_allocation = "no_such_call_at_all"});
  EXPECT_NE(calls.of_range, nullptr);
  EXPECT_EQ(calls.of_allocation, nullptr);
  EXPECT_EQ(FindDmaBufCalls({.of_range = "getpid", .library = "libno_such_library.so.1"}).of_range, nullptr);
  EXPECT_NE(FindDmaBufCalls({.of_range = "getpid", .library = "libc.so.6"}).of_range, nullptr);
  EXPECT_EQ(FindDmaBufCalls({}).of_range, nullptr);
}

}  // namespace
}  // namespace penstock::hip
