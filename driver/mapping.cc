// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/mapping.h"

#include <sys/mman.h>

#include <utility>

namespace penstock::driver {

std::shared_ptr<void> MapShared(int fd, size_t bytes, uint64_t offset_bytes) {
  void* const base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset_bytes));
  if (base == MAP_FAILED) return nullptr;
  return {base, [bytes](void* mapped) { munmap(mapped, bytes); }};
}

DeviceMemory MappedMemory(std::shared_ptr<void> owner, size_t bytes, std::string name) {
  auto* const base = static_cast<std::byte*>(owner.get());
  return {.memory = {base, bytes}, .name = std::move(name), .owner = std::move(owner)};
}

}  // namespace penstock::driver
