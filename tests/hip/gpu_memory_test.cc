// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How memory is made reachable from the GPU, whatever the application has pinned before. No GPU is needed: the program's own
// functions stand before the library's of the same names.
#include "hip/gpu_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

#include "penstock/error.h"

namespace penstock::hip {
namespace {

using testing::HasSubstr;

constexpr size_t kPage = 4096;

/// What the GPU knows: the page at each of these addresses of the host, and its own address of that.
std::map<uintptr_t, uintptr_t> known_pages;
std::vector<size_t> registered_bytes;

class HostPagesTest : public testing::Test {
 protected:
  void SetUp() override {
    known_pages.clear();
    registered_bytes.clear();
  }

  void Know(size_t page, uintptr_t on_gpu) { known_pages[reinterpret_cast<uintptr_t>(memory_ + page * kPage)] = on_gpu; }

  alignas(kPage) std::byte memory_[4 * kPage] = {};
  HostPages pages_;
};

TEST_F(HostPagesTest, TakesMemoryThatTheGpuKnowsAsItIs) {
  for (size_t page = 0; page < 4; ++page) Know(page, 0x10000 + page * kPage);
  EXPECT_EQ(pages_.Map(absl::MakeSpan(memory_).subspan(100, 3 * kPage)).value(), 0x10000u + 100);
  EXPECT_TRUE(registered_bytes.empty());
}

/// The GPU would find other memory, or none, between the two.
TEST_F(HostPagesTest, RefusesMemoryThatTheGpuKnowsInPieces) {
  Know(0, 0x10000);
  Know(3, 0x90000);
  const absl::Status refused = pages_.Map(absl::MakeSpan(memory_)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(CauseOf(refused), HasSubstr("several pieces"));
  EXPECT_THAT(RemedyOf(refused), HasSubstr("pages of its own"));
}

}  // namespace
}  // namespace penstock::hip

using penstock::hip::known_pages;
using penstock::hip::kPage;

extern "C" {

hipError_t hipPointerGetAttributes(hipPointerAttribute_t* attributes, const void* memory) {
  const auto at = reinterpret_cast<uintptr_t>(memory);
  const auto page = known_pages.find(at / kPage * kPage);
  if (page == known_pages.end()) return hipErrorInvalidValue;
  attributes->devicePointer = reinterpret_cast<void*>(page->second + at % kPage);
  return hipSuccess;
}

hipError_t hipHostRegister(void*, size_t bytes, unsigned int) {
  penstock::hip::registered_bytes.push_back(bytes);
  return hipSuccess;
}

hipError_t hipGetLastError() { return hipSuccess; }

}  // extern "C"
