// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NVIDIA's cuFile, as far as reading a file into the GPU's memory needs it, found when the program runs: its header comes with
// few installations, and the library with fewer.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/layout/target.h"

namespace penstock::bench {

class CufileLibrary {
 public:
  /// Opens the library and its driver. Errors: FailedPrecondition: it is not here, or refuses.
  static absl::StatusOr<std::unique_ptr<CufileLibrary>> Open();
  ~CufileLibrary();
  CufileLibrary(const CufileLibrary&) = delete;
  CufileLibrary& operator=(const CufileLibrary&) = delete;

  /// Every later Read is of this file. Errors: FailedPrecondition.
  absl::Status UseFile(int fd);
  /// Reads into memory of the GPU. Errors: FailedPrecondition, also for a short read.
  absl::Status Read(void* device_memory, u64 length_bytes, u64 offset_bytes);

 private:
  struct Functions;

  CufileLibrary();

  std::unique_ptr<Functions> functions_;
  void* handle_ = nullptr;
};

}  // namespace penstock::bench
