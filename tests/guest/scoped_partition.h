// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A partition without a partition table.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "tests/guest/guest_machine.h"

namespace penstock::guest {

/// A partition that the kernel knows of, for as long as this lives. Nothing is written on the disk.
class ScopedPartition {
 public:
  ScopedPartition(const std::string& block_node, uint64_t offset_bytes, uint64_t length_bytes)
      : fd_(open(block_node.c_str(), O_RDONLY | O_CLOEXEC)), node_(block_node + "p1") {
    partition_.start = static_cast<long long>(offset_bytes);
    partition_.length = static_cast<long long>(length_bytes);
    partition_.pno = 1;
    EXPECT_EQ(Ask(BLKPG_ADD_PARTITION), 0) << block_node;
    EXPECT_TRUE(Eventually([this] { return access(node_.c_str(), F_OK) == 0; })) << node_;
  }
  ~ScopedPartition() {
    // A ring that has ended lets go of its files a little later.
    EXPECT_TRUE(Eventually([this] { return Ask(BLKPG_DEL_PARTITION) == 0; })) << node_;
    close(fd_);
  }
  ScopedPartition(const ScopedPartition&) = delete;
  ScopedPartition& operator=(const ScopedPartition&) = delete;

  const std::string& node() const { return node_; }

 private:
  int Ask(int operation) {
    blkpg_ioctl_arg argument{.op = operation, .flags = 0, .datalen = sizeof(partition_), .data = &partition_};
    return ioctl(fd_, BLKPG, &argument);
  }

  int fd_;
  std::string node_;
  blkpg_partition partition_ = {};
};

}  // namespace penstock::guest
