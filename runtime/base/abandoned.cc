// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/base/abandoned.h"

#include <mutex>
#include <utility>
#include <vector>

namespace penstock {

void Abandon(std::shared_ptr<const void> memory) {
  static std::mutex mutex;
  static auto* const abandoned = new std::vector<std::shared_ptr<const void>>;  // outlives every static object
  const std::lock_guard lock(mutex);
  abandoned->push_back(std::move(memory));
}

}  // namespace penstock
