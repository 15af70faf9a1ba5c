// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Anonymous memory for buffers: on huge pages if possible, and there before it is used.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "penstock/buffer_pool.h"

namespace penstock::driver {

struct AnonymousMemory {
  std::shared_ptr<void> owner;  // null: `error_number` says why
  BufferPool::Pages pages = BufferPool::Pages::kSmall;
  int error_number = 0;
};

/// At least `bytes`, faulted in. `huge_pages`: as BufferPool::Options. Threads: any.
AnonymousMemory MapAnonymous(size_t bytes, std::optional<bool> huge_pages = {});

}  // namespace penstock::driver
