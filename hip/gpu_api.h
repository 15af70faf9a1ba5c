// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The calls of the GPU's runtime library that Penstock uses, under HIP's names. On AMD this is HIP's own header; with
// PENSTOCK_GPU_NVIDIA each name stands for CUDA's. Nothing else of Penstock's host code knows CUDA.
#pragma once

#include "penstock/device/gpu_lanes.h"

#if defined(PENSTOCK_GPU_NVIDIA)

#include <cuda_runtime.h>

#include <string>

#define hipDeviceProp_t cudaDeviceProp
#define hipError_t cudaError_t
#define hipPointerAttribute_t cudaPointerAttributes
#define hipStream_t cudaStream_t

#define hipSuccess cudaSuccess
#define hipErrorECCNotCorrectable cudaErrorECCUncorrectable
#define hipErrorHostMemoryAlreadyRegistered cudaErrorHostMemoryAlreadyRegistered
#define hipErrorIllegalAddress cudaErrorIllegalAddress
#define hipErrorInsufficientDriver cudaErrorInsufficientDriver
#define hipErrorInvalidDeviceFunction cudaErrorInvalidDeviceFunction
#define hipErrorLaunchFailure cudaErrorLaunchFailure
#define hipErrorLaunchTimeOut cudaErrorLaunchTimeout
#define hipErrorNoBinaryForGpu cudaErrorNoKernelImageForDevice
#define hipErrorNoDevice cudaErrorNoDevice
#define hipErrorNotReady cudaErrorNotReady
#define hipErrorNotSupported cudaErrorNotSupported
#define hipErrorOutOfMemory cudaErrorMemoryAllocation
#define hipErrorPeerAccessAlreadyEnabled cudaErrorPeerAccessAlreadyEnabled

#define hipHostMallocCoherent 0
#define hipHostMallocMapped cudaHostAllocMapped
#define hipHostRegisterMapped cudaHostRegisterMapped
#define hipHostRegisterPortable cudaHostRegisterPortable
#define hipMemcpyDeviceToHost cudaMemcpyDeviceToHost
#define hipMemcpyHostToDevice cudaMemcpyHostToDevice
#define hipStreamNonBlocking cudaStreamNonBlocking

#define hipDeviceEnablePeerAccess cudaDeviceEnablePeerAccess
#define hipDeviceGetStreamPriorityRange cudaDeviceGetStreamPriorityRange
#define hipDeviceReset cudaDeviceReset
#define hipFree cudaFree
#define hipGetDevice cudaGetDevice
#define hipGetDeviceCount cudaGetDeviceCount
#define hipGetDeviceProperties cudaGetDeviceProperties
#define hipGetErrorName cudaGetErrorName
#define hipGetErrorString cudaGetErrorString
#define hipGetLastError cudaGetLastError
#define hipHostFree cudaFreeHost
#define hipHostGetDevicePointer cudaHostGetDevicePointer
#define hipHostMalloc cudaHostAlloc
#define hipHostRegister cudaHostRegister
#define hipHostUnregister cudaHostUnregister
#define hipLaunchKernel cudaLaunchKernel
#define hipMalloc cudaMalloc
#define hipMemcpy cudaMemcpy
#define hipMemcpyAsync cudaMemcpyAsync
#define hipMemset cudaMemset
#define hipOccupancyMaxActiveBlocksPerMultiprocessor cudaOccupancyMaxActiveBlocksPerMultiprocessor
#define hipPointerGetAttributes cudaPointerGetAttributes
#define hipSetDevice cudaSetDevice
#define hipStreamCreateWithFlags cudaStreamCreateWithFlags
#define hipStreamCreateWithPriority cudaStreamCreateWithPriority
#define hipStreamDestroy cudaStreamDestroy
#define hipStreamQuery cudaStreamQuery
#define hipStreamSynchronize cudaStreamSynchronize

namespace penstock::hip {

inline std::string ArchitectureOf(const hipDeviceProp_t& properties) {
  return "sm_" + std::to_string(properties.major) + std::to_string(properties.minor);
}

/// Of Group::Ticks() on a GPU of this architecture.
inline u64 TicksPerSecond([[maybe_unused]] int gpu, [[maybe_unused]] const std::string& architecture) {
  return device::kNvidiaTicksPerSecond;
}

/// Whether the library knows the memory that it has described: it describes any.
inline bool IsKnown(const cudaPointerAttributes& attributes) { return attributes.type != cudaMemoryTypeUnregistered; }

/// Of memory that the library knows: whether it is a GPU's own.
inline bool IsGpus(const cudaPointerAttributes& attributes) { return attributes.type == cudaMemoryTypeDevice; }

/// The calls that export a GPU's memory, for FindDmaBufCalls: CUDA's is in the driver's own library.
inline constexpr const char* kExportRangeCall = "cuMemGetHandleForAddressRange";
inline constexpr const char* kExportAllocationCall = nullptr;
inline constexpr const char* kExportLibrary = "libcuda.so.1";

/// Memory of the current GPU that others may write to while a kernel reads it.
inline hipError_t AllocateForPeers(void** memory, size_t bytes) { return cudaMalloc(memory, bytes); }

/// A dma-buf's memory, as the current GPU sees it, for as long as this lives. CUDA imports none of other processes.
class ImportedDmaBuf {
 public:
  hipError_t Import([[maybe_unused]] int dma_buf, [[maybe_unused]] u64 bytes) { return cudaErrorNotSupported; }
  void* address() const { return nullptr; }
  void Abandon() {}
};

/// Writing 1 to it makes what peers have written to the GPU's memory visible to the GPU. Null: it has no such register.
inline volatile u32* PeerFlushRegister([[maybe_unused]] int gpu) { return nullptr; }

/// A stream whose kernels leave the first `spare` compute units alone. CUDA has none: a smaller grid leaves them free.
inline hipError_t CreateStreamBeside(hipStream_t* stream, int priority, [[maybe_unused]] int compute_units,
                                     [[maybe_unused]] int spare) {
  return cudaStreamCreateWithPriority(stream, cudaStreamNonBlocking, priority);
}

}  // namespace penstock::hip

#else

#include <hip/hip_runtime_api.h>

#if !defined(__HIP__)
#undef __noinline__  // a macro here, and in the standard library of GCC 16 an attribute
#endif

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace penstock::hip {

inline std::string ArchitectureOf(const hipDeviceProp_t& properties) { return properties.gcnArchName; }

/// The reference clock's: HIP 5.6 and later say it in kHz.
inline u64 TicksPerSecond([[maybe_unused]] int gpu, const std::string& architecture) {
#if HIP_VERSION >= 50600000
  int khz = 0;
  if (hipDeviceGetAttribute(&khz, hipDeviceAttributeWallClockRate, gpu) == hipSuccess && khz > 0)
    return u64{1000} * static_cast<u64>(khz);
  static_cast<void>(hipGetLastError());
#endif
  // Up to gfx90c, and gfx906 and gfx90a with it, the clock was slower.
  return architecture.starts_with("gfx90") ? 25'000'000 : device::kAmdTicksPerSecond;
}

/// HIP 5 refuses to describe memory that it does not know, HIP 6 and later say that it is of no GPU and has no address there.
inline bool IsKnown(const hipPointerAttribute_t& attributes) {
  return attributes.devicePointer != nullptr || attributes.device >= 0;
}

/// The field that says so has one name up to HIP 5 and another one since.
inline bool IsGpus(const hipPointerAttribute_t& attributes) { return attributes.hostPointer == nullptr; }

inline constexpr const char* kExportRangeCall = "hipMemGetHandleForAddressRange";
inline constexpr const char* kExportAllocationCall = "hsa_amd_portable_export_dmabuf";
inline constexpr const char* kExportLibrary = nullptr;

/// Of the kind that no cache of the GPU keeps between acquires at system scope; what plain hipMalloc gives may stay in one.
inline hipError_t AllocateForPeers(void** memory, size_t bytes) {
#if defined(hipDeviceMallocUncached)
  return hipExtMallocWithFlags(memory, bytes, hipDeviceMallocUncached);
#else
  return hipExtMallocWithFlags(memory, bytes, hipDeviceMallocFinegrained);
#endif
}

class ImportedDmaBuf {
 public:
  ImportedDmaBuf() = default;
  ImportedDmaBuf(ImportedDmaBuf&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), address_(std::exchange(other.address_, nullptr)) {}
  ImportedDmaBuf& operator=(ImportedDmaBuf&&) = delete;
  ~ImportedDmaBuf() {
    if (address_ != nullptr) static_cast<void>(hipFree(address_));  // The mapping keeps the memory, whatever becomes of memory_.
    if (memory_ != nullptr) static_cast<void>(hipDestroyExternalMemory(memory_));
  }

  hipError_t Import(int dma_buf, u64 bytes) {
    hipExternalMemoryHandleDesc source = {};
    source.type = hipExternalMemoryHandleTypeOpaqueFd;
    source.handle.fd = dma_buf;
    source.size = bytes;
    if (const hipError_t error = hipImportExternalMemory(&memory_, &source); error != hipSuccess) return error;
    hipExternalMemoryBufferDesc all = {};
    all.size = bytes;
    return hipExternalMemoryGetMappedBuffer(&address_, memory_, &all);
  }
  void* address() const { return address_; }
  /// Leaves it to a kernel that will not end.
  void Abandon() {
    memory_ = nullptr;
    address_ = nullptr;
  }

 private:
  hipExternalMemory_t memory_ = nullptr;
  void* address_ = nullptr;
};

inline volatile u32* PeerFlushRegister(int gpu) {
  u32* flush = nullptr;  // HDP_MEM_COHERENCY_FLUSH_CNTL: the attribute is an address, and is stored as one
  if (hipDeviceGetAttribute(reinterpret_cast<int*>(&flush), hipDeviceAttributeHdpMemFlushCntl, gpu) == hipSuccess) return flush;
  static_cast<void>(hipGetLastError());
  return nullptr;
}

inline hipError_t CreateStreamBeside(hipStream_t* stream, int priority, int compute_units, int spare) {
  if (spare == 0) return hipStreamCreateWithPriority(stream, hipStreamNonBlocking, priority);
  std::vector<uint32_t> mask((static_cast<size_t>(compute_units) + 31) / 32);
  for (int unit = spare; unit < compute_units; ++unit) mask[static_cast<size_t>(unit) / 32] |= 1u << (unit % 32);
  return hipExtStreamCreateWithCUMask(stream, static_cast<uint32_t>(mask.size()), mask.data());
}

}  // namespace penstock::hip

#endif
