// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/gpu/cufile_library.h"

#include <dlfcn.h>

#include "absl/strings/str_format.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

// From cufile.h, whose layout is fixed.
struct CufileError {
  int error;  // 0: success
  int driver_error;
};
struct CufileDescription {
  int type;  // 1: a file descriptor
  union {
    int fd;
    void* handle;
  };
  const void* file_system_operations;
};
constexpr int kFileDescriptor = 1;

absl::Status Refusal(std::string_view call, long code) {
  return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrFormat("%s ended with %d", std::string(call), code)),
                   Fix("look into cufile.log, and allow compatibility mode (CUFILE_FORCE_COMPAT_MODE=true)"));
}

}  // namespace

struct CufileLibrary::Functions {
  void* library = nullptr;
  CufileError (*open_driver)() = nullptr;
  CufileError (*close_driver)() = nullptr;
  CufileError (*register_file)(void** handle, CufileDescription* description) = nullptr;
  void (*deregister_file)(void* handle) = nullptr;
  ssize_t (*read)(void* handle, void* memory, size_t bytes, off_t file_offset, off_t memory_offset) = nullptr;

  template <typename Function>
  bool Find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
  }
};

CufileLibrary::CufileLibrary() : functions_(std::make_unique<Functions>()) {}

absl::StatusOr<std::unique_ptr<CufileLibrary>> CufileLibrary::Open() {
  std::unique_ptr<CufileLibrary> cufile(new CufileLibrary);
  Functions& functions = *cufile->functions_;
  functions.library = dlopen("libcufile.so.0", RTLD_NOW);
  if (functions.library == nullptr) functions.library = dlopen("libcufile.so", RTLD_NOW);
  if (functions.library == nullptr || !functions.Find(functions.open_driver, "cuFileDriverOpen") ||
      !functions.Find(functions.close_driver, "cuFileDriverClose_v2") ||
      !functions.Find(functions.register_file, "cuFileHandleRegister") ||
      !functions.Find(functions.deregister_file, "cuFileHandleDeregister") || !functions.Find(functions.read, "cuFileRead")) {
    functions.close_driver = nullptr;
    return MakeError(absl::StatusCode::kFailedPrecondition, What("libcufile.so cannot be used here"),
                     Fix("install NVIDIA GPUDirect Storage, or use another mode"));
  }
  if (const CufileError error = functions.open_driver(); error.error != 0) {
    functions.close_driver = nullptr;
    return Refusal("cuFileDriverOpen", error.error);
  }
  return cufile;
}

CufileLibrary::~CufileLibrary() {
  if (handle_ != nullptr) functions_->deregister_file(handle_);
  if (functions_->close_driver != nullptr) functions_->close_driver();
}

absl::Status CufileLibrary::UseFile(int fd) {
  CufileDescription description = {};
  description.type = kFileDescriptor;
  description.fd = fd;
  const CufileError error = functions_->register_file(&handle_, &description);
  return error.error == 0 ? absl::OkStatus() : Refusal("cuFileHandleRegister", error.error);
}

absl::Status CufileLibrary::Read(void* device_memory, u64 length_bytes, u64 offset_bytes) {
  const ssize_t count = functions_->read(handle_, device_memory, length_bytes, static_cast<off_t>(offset_bytes), 0);
  return count == static_cast<ssize_t>(length_bytes) ? absl::OkStatus() : Refusal("cuFileRead", count);
}

}  // namespace penstock::bench
