// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/io_uring_facts.h"

#include <liburing.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

constexpr unsigned kEntries = 2;

/// 0, or the negative errno of setting up a ring with these flags.
int TrySetup(unsigned flags) {
  io_uring ring{};
  const int result = io_uring_queue_init(kEntries, &ring, flags);
  if (result == 0) io_uring_queue_exit(&ring);
  return result;
}

bool HasOpcode(int opcode) {
  const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> probe(io_uring_get_probe(), io_uring_free_probe);
  return probe != nullptr && io_uring_opcode_supported(probe.get(), opcode) != 0;
}

}  // namespace

absl::Status IoUringRefusal(int error_number, std::optional<uint32_t> disabled_sysctl) {
  const uint32_t disabled = disabled_sysctl.value_or(0);
  if (error_number == EPERM && disabled != 0) {
    return MakeErrnoError(absl::StatusCode::kPermissionDenied, error_number,
                          What(absl::StrCat("io_uring is switched off: kernel.io_uring_disabled is ", disabled)),
                          Fix(disabled == 1 ? "sysctl kernel.io_uring_disabled=0, or join the group of kernel.io_uring_group"
                                            : "sysctl kernel.io_uring_disabled=0"));
  }
  if (error_number == EPERM || error_number == ENOSYS) {
    return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, What("io_uring is not there, or a filter forbids it"),
                          Fix("use Linux 5.11 or later, and in a container allow io_uring_setup, io_uring_enter and "
                              "io_uring_register in its seccomp profile"));
  }
  if (error_number == ENOMEM) {
    return MakeErrnoError(absl::StatusCode::kResourceExhausted, error_number, What("io_uring cannot be set up"),
                          Fix("raise the locked-memory limit (ulimit -l), or free memory"));
  }
  if (error_number == EMFILE || error_number == ENFILE) {
    return MakeErrnoError(absl::StatusCode::kResourceExhausted, error_number, What("io_uring cannot be set up"),
                          Fix("close files, or raise the limit of open files (ulimit -n)"));
  }
  return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, What("io_uring cannot be set up"),
                        Fix("look in the kernel log (dmesg), or use path pread"));
}

IoUringFacts ProbeIoUring(std::optional<uint32_t> disabled_sysctl) {
  IoUringFacts facts;
  facts.disabled_sysctl = disabled_sysctl;
  const int result = TrySetup(0);
  if (result < 0) {
    facts.usable = IoUringRefusal(-result, disabled_sysctl);
    return facts;
  }
  facts.has_big_entries = TrySetup(IORING_SETUP_SQE128 | IORING_SETUP_CQE32) == 0;
  facts.has_deferred_work = TrySetup(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0;
  facts.has_passthrough = HasOpcode(IORING_OP_URING_CMD);
  return facts;
}

}  // namespace penstock::driver
