// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What becomes of imported memory and of its descriptor, whatever the GPU's library answers. No GPU is needed: the program's own
// functions stand before the library's of the same names.
#include "hip/dma_buf_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "penstock/error.h"
#include "penstock/file_descriptor.h"

namespace penstock::hip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr u64 kBytes = 2 << 20;

/// How the library answers, and what was asked of it. External memory and its mapping are the addresses of these two.
struct Library {
  hipError_t import = hipSuccess;
  hipError_t map = hipSuccess;
  int descriptor = -1;
  char memory = 0;
  char mapping = 0;
  std::vector<std::string> freed;
};
Library library;

size_t OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

class ImportDmaBufTest : public testing::Test {
 protected:
  void SetUp() override { library = {}; }

  const FileDescriptor dma_buf_{memfd_create("dma-buf", MFD_CLOEXEC)};
};

TEST_F(ImportDmaBufTest, FreesTheMappingAndThenTheMemory) {
  {
    absl::StatusOr<ImportedDmaBuf> imported = ImportDmaBuf(dma_buf_.get(), kBytes);
    ASSERT_TRUE(imported.ok()) << imported.status();
    EXPECT_EQ(imported->address(), &library.mapping);
    EXPECT_NE(library.descriptor, dma_buf_.get()) << "the library may take over the one that it is given";
    const ImportedDmaBuf moved = *std::move(imported);
    EXPECT_THAT(library.freed, IsEmpty());
  }
  EXPECT_THAT(library.freed, ElementsAre("mapping", "memory"));
}

TEST_F(ImportDmaBufTest, FreesNothingThatWasLeftToAKernel) {
  {
    absl::StatusOr<ImportedDmaBuf> imported = ImportDmaBuf(dma_buf_.get(), kBytes);
    ASSERT_TRUE(imported.ok()) << imported.status();
    imported->Abandon();
  }
  EXPECT_THAT(library.freed, IsEmpty());
}

TEST_F(ImportDmaBufTest, LeavesNothingOpenWhereTheLibraryRefuses) {
  const size_t before = OpenDescriptors();
  library.import = hipErrorNotSupported;
  const absl::Status refused = ImportDmaBuf(dma_buf_.get(), kBytes).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(RemedyOf(refused), HasSubstr("AllocateExported"));
  EXPECT_THAT(library.freed, IsEmpty());
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ImportDmaBufTest, LeavesNothingOpenWhereWhatIsImportedCannotBeMapped) {
  const size_t before = OpenDescriptors();
  library.map = hipErrorOutOfMemory;
  EXPECT_FALSE(ImportDmaBuf(dma_buf_.get(), kBytes).ok());
  EXPECT_THAT(library.freed, ElementsAre("memory"));
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ImportDmaBufTest, SaysWhenThereIsNoDescriptorForIt) {
  const absl::Status refused = ImportDmaBuf(-1, kBytes).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrnoOf(refused), EBADF);
  EXPECT_EQ(library.descriptor, -1) << "the library was not asked";
}

}  // namespace
}  // namespace penstock::hip

using penstock::hip::library;

extern "C" {

hipError_t hipImportExternalMemory(hipExternalMemory_t* memory, const hipExternalMemoryHandleDesc* source) {
  library.descriptor = source->handle.fd;
  if (library.import == hipSuccess) *memory = &library.memory;
  return library.import;
}

hipError_t hipExternalMemoryGetMappedBuffer(void** address, hipExternalMemory_t memory, const hipExternalMemoryBufferDesc* part) {
  EXPECT_EQ(memory, &library.memory);
  EXPECT_EQ(part->offset, 0u);
  EXPECT_EQ(part->size, penstock::hip::kBytes);
  if (library.map == hipSuccess) *address = &library.mapping;
  return library.map;
}

hipError_t hipDestroyExternalMemory(hipExternalMemory_t memory) {
  EXPECT_EQ(memory, &library.memory);
  library.freed.emplace_back("memory");
  return hipSuccess;
}

hipError_t hipFree(void* address) {
  EXPECT_EQ(address, &library.mapping);
  library.freed.emplace_back("mapping");
  return hipSuccess;
}

}  // extern "C"
