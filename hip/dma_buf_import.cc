// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/dma_buf_import.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "hip/gpu_error.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

bool IsSameFile(int a, int b) {
  struct stat of_a = {};
  struct stat of_b = {};
  return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

}  // namespace

absl::StatusOr<ImportedDmaBuf> ImportDmaBuf(int dma_buf, u64 bytes) {
  // CUDA's libraries take a descriptor over when they import it, HIP's do not say: it gets one of its own, to keep.
  const int own = fcntl(dma_buf, F_DUPFD_CLOEXEC, 0);
  if (own < 0) {
    return MakeErrnoError(absl::StatusCode::kUnavailable, errno, What("a window's descriptor cannot be duplicated for the GPU"),
                          Fix("close files, or raise the limit of open files (ulimit -n)"));
  }
  auto imported = std::make_optional<ImportedDmaBuf>();
  const hipError_t error = imported->Import(own, bytes);
  if (error == hipSuccess) return *std::move(imported);
  // What was imported and could not be mapped goes first, with the descriptor if that was taken over. Its number may belong to
  // another file by now.
  imported.reset();
  if (IsSameFile(own, dma_buf)) close(own);
  if (error != hipErrorNotSupported) return GpuError(error, "the GPU cannot import a window");
  return MakeError(absl::StatusCode::kUnimplemented, What("this GPU's library imports no memory that others have exported"),
                   Fix("reserve the window in the process that uses it (AllocateExported, PeerWindows::Reserve)"));
}

}  // namespace penstock::hip
