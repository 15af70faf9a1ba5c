// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace penstock {
namespace {

FileDescriptor OpenSomething() { return FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(FileDescriptor, ClosesItsFileAtItsEnd) {
  int number = -1;
  {
    const FileDescriptor fd = OpenSomething();
    number = fd.get();
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

/// A claim of a device would last as long as the one that was moved from.
TEST(FileDescriptor, ClosesItsOwnFileWhenAnotherIsMovedIntoIt) {
  FileDescriptor to = OpenSomething();
  FileDescriptor from = OpenSomething();
  const int own = to.get();
  const int other = from.get();
  to = std::move(from);
  EXPECT_EQ(to.get(), other);
  EXPECT_EQ(from.get(), -1);  // NOLINT(bugprone-use-after-move): that it has none any more is what is asked.
  EXPECT_FALSE(IsOpen(own));
  EXPECT_TRUE(IsOpen(other));
}

TEST(FileDescriptor, KeepsItsFileWhenItIsMovedIntoItself) {
  FileDescriptor fd = OpenSomething();
  FileDescriptor& same = fd;
  const int number = fd.get();
  fd = std::move(same);
  EXPECT_EQ(fd.get(), number);
  EXPECT_TRUE(IsOpen(number));
}

}  // namespace
}  // namespace penstock
