// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/uring.h"

#include <sys/resource.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "penstock/clock.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

constexpr rlim_t kFileTableSlots = 1024;
// A wait is always bounded, also when the caller says "for ever": the kernel adds the timeout to its clock.
constexpr absl::Duration kLongestWait = absl::Hours(1);

/// Best first. SINGLE_ISSUER with DEFER_TASKRUN (6.1): completions are worked on when the one thread asks, not by interrupting
/// it. Such a ring belongs to the thread that enables it, so it starts disabled. COOP_TASKRUN (5.19) is the next best. A ring
/// with a kernel thread knows neither.
std::vector<unsigned> SetupFlags(const Uring::Options& options) {
  const unsigned wanted = (options.big_entries ? IORING_SETUP_SQE128 | IORING_SETUP_CQE32 : 0u) |
                          (options.poll_device ? IORING_SETUP_IOPOLL : 0u) | (options.kernel_thread ? IORING_SETUP_SQPOLL : 0u);
  if (options.kernel_thread) return {wanted | IORING_SETUP_SUBMIT_ALL, wanted};
  return {wanted | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
              IORING_SETUP_R_DISABLED,
          wanted | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL, wanted};
}

absl::Status SetupError(int error_number) {
  What what("io_uring cannot be set up");
  switch (error_number) {
    case ENOSYS:
    case EPERM:
      return MakeErrnoError(
          absl::StatusCode::kUnavailable, error_number, std::move(what),
          Fix("set /proc/sys/kernel/io_uring_disabled to 0, and in a container allow io_uring_setup, io_uring_enter "
              "and io_uring_register in its seccomp profile; or use path pread"));
    case ENOMEM:
      return MakeErrnoError(absl::StatusCode::kResourceExhausted, error_number, std::move(what),
                            Fix("raise the locked-memory limit (ulimit -l), or use a smaller depth"));
    case EMFILE:
    case ENFILE:
      return MakeErrnoError(absl::StatusCode::kResourceExhausted, error_number, std::move(what),
                            Fix("close files, or raise the limit of open files (ulimit -n)"));
    default:
      return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, std::move(what),
                            Fix("use a newer kernel (docs/paths.md tells what each path needs), or path pread"));
  }
}

absl::Status MemoryError(int error_number, size_t bytes) {
  What what(absl::StrCat("cannot register ", bytes, " bytes of buffers with io_uring"));
  if (error_number == EFAULT) {
    what.text += ": the kernel cannot pin their pages for long, as it is with memory of a device";
    return MakeErrnoError(absl::StatusCode::kFailedPrecondition, error_number, std::move(what),
                          Fix("use path bar for memory of a device, or host memory for the buffers"));
  }
  if (error_number != ENOMEM) {
    return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, std::move(what),
                          Fix("use anonymous memory for the buffers, or path pread"));
  }
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  const std::string now = limit.rlim_cur == RLIM_INFINITY ? "unlimited" : absl::StrCat(limit.rlim_cur / 1024, " KiB");
  what.text += absl::StrCat(" (locked-memory limit ", now, ")");
  return MakeErrnoError(absl::StatusCode::kResourceExhausted, error_number, std::move(what),
                        Fix(absl::StrCat("allow at least ", (bytes + 1023) / 1024,
                                         " KiB more locked memory (ulimit -l, or "
                                         "LimitMEMLOCK= of the service), or use fewer buffers")));
}

absl::Status EnterError(int error_number) {
  What what("io_uring_enter failed");
  if (error_number == EEXIST) {
    return MakeErrnoError(absl::StatusCode::kInternal, error_number, std::move(what),
                          Fix("use the queue only from the thread that used it first"));
  }
  return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, std::move(what),
                        Fix("wait for reads in flight and try again, a limited number of times"));
}

__kernel_timespec ToKernelTimespec(absl::Duration duration) {
  const timespec spec = absl::ToTimespec(std::min(duration, kLongestWait));
  return {.tv_sec = spec.tv_sec, .tv_nsec = spec.tv_nsec};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Uring>> Uring::Open(const Options& options) {
  std::unique_ptr<Uring> uring(new Uring(options));
  int result = -EINVAL;
  for (const unsigned flags : SetupFlags(options)) {
    result = io_uring_queue_init(options.entries, &uring->ring_, flags);
    if (result == -EINVAL) continue;  // A kernel that does not know a flag.
    uring->enabled_ = (flags & IORING_SETUP_R_DISABLED) == 0;
    break;
  }
  if (result < 0) return SetupError(-result);
  uring->opened_ = true;
  if ((uring->ring_.features & IORING_FEAT_EXT_ARG) == 0) {
    return MakeError(absl::StatusCode::kUnavailable, What("this kernel's io_uring cannot wait with a timeout"),
                     Fix("use Linux 5.11 or later, or path pread"));
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t slots = std::min(kFileTableSlots, limit.rlim_cur);
  if (io_uring_register_files_sparse(&uring->ring_, static_cast<unsigned>(slots)) == 0) uring->registered_files_.resize(slots);
  return uring;
}

Uring::~Uring() {
  if (opened_) io_uring_queue_exit(&ring_);
}

absl::Status Uring::RegisterMemory(absl::Span<const absl::Span<std::byte>> regions) {
  std::vector<iovec> vectors;
  size_t bytes = 0;
  for (const absl::Span<std::byte> region : regions) {
    vectors.push_back({.iov_base = region.data(), .iov_len = region.size()});
    bytes += region.size();
  }
  const int result = io_uring_register_buffers(&ring_, vectors.data(), static_cast<unsigned>(vectors.size()));
  return result < 0 ? MemoryError(-result, bytes) : absl::OkStatus();
}

void Uring::RegisterFile(int fd) {
  if (fd < 0 || static_cast<size_t>(fd) >= registered_files_.size()) return;
  registered_files_[fd] = io_uring_register_files_update(&ring_, static_cast<unsigned>(fd), &fd, 1) == 1;
}

void Uring::UnregisterFile(int fd) {
  if (fd < 0 || static_cast<size_t>(fd) >= registered_files_.size() || !registered_files_[fd]) return;
  const int nothing = -1;
  io_uring_register_files_update(&ring_, static_cast<unsigned>(fd), &nothing, 1);
  registered_files_[fd] = false;
}

void Uring::UseRegisteredFile(io_uring_sqe& entry, int fd) const {
  const bool registered = fd >= 0 && static_cast<size_t>(fd) < registered_files_.size() && registered_files_[fd];
  if (registered) io_uring_sqe_set_flags(&entry, entry.flags | IOSQE_FIXED_FILE);
}

absl::Status Uring::EnableOnFirstUse() {
  if (enabled_) return absl::OkStatus();
  // liburing 2.3 declares io_uring_enable_rings, but its shared library does not export it.
  const int result = io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  if (result < 0) return EnterError(-result);
  enabled_ = true;
  return absl::OkStatus();
}

absl::Status Uring::Submit() {
  PENSTOCK_RETURN_IF_ERROR(EnableOnFirstUse());
  if (io_uring_sq_ready(&ring_) > 0) ++enter_count_;
  const int result = io_uring_submit(&ring_);
  return result < 0 && result != -EINTR ? EnterError(-result) : absl::OkStatus();
}

absl::Status Uring::Wait(absl::Duration timeout, uint32_t count) {
  PENSTOCK_RETURN_IF_ERROR(EnableOnFirstUse());
  const bool queued = io_uring_sq_ready(&ring_) > 0;
  const bool ready = io_uring_cq_ready(&ring_) >= count;
  int result = 0;
  if (options_.poll_device && !options_.kernel_thread) {
    result = PollDevice(timeout, count);
  } else if (!ready && timeout > absl::ZeroDuration()) {
    __kernel_timespec limit = ToKernelTimespec(timeout);
    io_uring_cqe* first = nullptr;
    ++enter_count_;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, count, &limit, nullptr);
  } else if (queued) {
    ++enter_count_;
    result = io_uring_submit_and_get_events(&ring_);
  } else if (!ready && (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
    ++enter_count_;
    result = io_uring_get_events(&ring_);  // The kernel says that it holds completions back until it is entered.
  }
  return result < 0 && result != -ETIME && result != -EINTR ? EnterError(-result) : absl::OkStatus();
}

/// The kernel does not honour a timeout while it polls a device, so it is asked to look once at a time.
int Uring::PollDevice(absl::Duration timeout, uint32_t count) {
  const uint64_t begin_ns = MonotonicNs();
  int result = 0;
  do {
    ++enter_count_;
    result = io_uring_submit_and_get_events(&ring_);
    EmptyRing();
  } while (result >= 0 && polled_.size() < count && absl::Nanoseconds(MonotonicNs() - begin_ns) < timeout);
  return result;
}

/// While a completion lies in the ring, the kernel looks for no others (Linux: io_iopoll_check).
void Uring::EmptyRing() {
  UringCompletion completion;
  while (!polled_.full() && TakeFromRing(absl::MakeSpan(&completion, 1)) == 1) polled_.Push(completion);
}

void Uring::Cancel(uint64_t user_data, int flags) {
  io_uring_sqe* entry = TryGetEntry();
  if (entry == nullptr && Submit().ok()) entry = TryGetEntry();
  if (entry == nullptr) return;
  io_uring_prep_cancel64(entry, user_data, flags);
  entry->user_data = kOwnUserData;
}

size_t Uring::Take(absl::Span<UringCompletion> completions) {
  size_t taken = 0;
  while (taken < completions.size() && !polled_.empty()) completions[taken++] = polled_.Pop();
  return taken + TakeFromRing(completions.subspan(taken));
}

size_t Uring::TakeFromRing(absl::Span<UringCompletion> completions) {
  size_t taken = 0;
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&ring_, head, entry) {
    if (entry->user_data != kOwnUserData) {
      if (taken == completions.size()) break;
      completions[taken++] = {.user_data = entry->user_data, .result = entry->res};
    }
    ++seen;
  }
  io_uring_cq_advance(&ring_, seen);
  return taken;
}

}  // namespace penstock::driver
