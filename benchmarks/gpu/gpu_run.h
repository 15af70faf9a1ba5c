// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every measurement on a GPU needs: memory, a stream, a launch. A failed call ends the program: a benchmark has nobody to
// hand an error to.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "hip/gpu_api.h"
#include "penstock/layout/target.h"

namespace penstock::bench {

inline void Check(hipError_t error, const char* call) {
  if (error == hipSuccess) return;
  std::fprintf(stderr, "%s failed: %s (%s)\n", call, hipGetErrorString(error), hipGetErrorName(error));
  std::exit(1);
}
#define PENSTOCK_GPU_CALL(call) ::penstock::bench::Check(call, #call)

inline double NowNs() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Zeroed memory of the host that a kernel sees while it runs: coherent, mapped and pinned.
template <typename T>
class PinnedArray {
 public:
  explicit PinnedArray(size_t count) : count_(count) {
    void* memory = nullptr;
    PENSTOCK_GPU_CALL(hipHostMalloc(&memory, count * sizeof(T), hipHostMallocCoherent | hipHostMallocMapped));
    std::memset(memory, 0, count * sizeof(T));
    host_ = static_cast<T*>(memory);
    void* device = nullptr;
    PENSTOCK_GPU_CALL(hipHostGetDevicePointer(&device, memory, 0));
    device_ = static_cast<T*>(device);
  }
  ~PinnedArray() { PENSTOCK_GPU_CALL(hipHostFree(host_)); }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;

  T* host() { return host_; }
  T* device() { return device_; }
  T& operator[](size_t index) { return host_[index]; }
  size_t bytes() const { return count_ * sizeof(T); }
  void Clear() { std::memset(host_, 0, bytes()); }

 private:
  size_t count_;
  T* host_ = nullptr;
  T* device_ = nullptr;
};

/// Zeroed memory of the GPU.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : count_(count) {
    void* memory = nullptr;
    PENSTOCK_GPU_CALL(hipMalloc(&memory, count * sizeof(T)));
    PENSTOCK_GPU_CALL(hipMemset(memory, 0, count * sizeof(T)));
    PENSTOCK_GPU_CALL(hipStreamSynchronize(nullptr));  // other streams do not wait for it
    device_ = static_cast<T*>(memory);
  }
  ~DeviceArray() { PENSTOCK_GPU_CALL(hipFree(device_)); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* device() { return device_; }
  size_t bytes() const { return count_ * sizeof(T); }

 private:
  size_t count_;
  T* device_ = nullptr;
};

class Stream {
 public:
  Stream() { PENSTOCK_GPU_CALL(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking)); }
  ~Stream() { PENSTOCK_GPU_CALL(hipStreamDestroy(stream_)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  operator hipStream_t() const { return stream_; }
  void Synchronize() { PENSTOCK_GPU_CALL(hipStreamSynchronize(stream_)); }

 private:
  hipStream_t stream_ = nullptr;
};

struct Grid {
  u32 workgroups;
  u32 lanes;
};

template <typename... Parameters>
void Launch(hipStream_t stream, const Grid& grid, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  void* pointers[] = {&arguments..., nullptr};
  PENSTOCK_GPU_CALL(
      hipLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(grid.workgroups), dim3(grid.lanes), pointers, 0, stream));
}

}  // namespace penstock::bench
