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
#define hipErrorOutOfMemory cudaErrorMemoryAllocation

#define hipHostMallocCoherent 0
#define hipHostMallocMapped cudaHostAllocMapped
#define hipHostRegisterMapped cudaHostRegisterMapped
#define hipMemcpyDeviceToHost cudaMemcpyDeviceToHost
#define hipMemcpyHostToDevice cudaMemcpyHostToDevice
#define hipStreamNonBlocking cudaStreamNonBlocking

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
#define hipSetDevice cudaSetDevice
#define hipStreamCreateWithFlags cudaStreamCreateWithFlags
#define hipStreamCreateWithPriority cudaStreamCreateWithPriority
#define hipStreamDestroy cudaStreamDestroy
#define hipStreamQuery cudaStreamQuery
#define hipStreamSynchronize cudaStreamSynchronize

namespace penstock::hip {

inline constexpr u64 kTicksPerSecond = device::kNvidiaTicksPerSecond;

inline std::string ArchitectureOf(const hipDeviceProp_t& properties) {
  return "sm_" + std::to_string(properties.major) + std::to_string(properties.minor);
}

/// The GPU's address of memory that it reaches already, its own or pinned; null for other memory.
inline void* KnownAddress(const void* memory) {
  cudaPointerAttributes attributes = {};
  if (cudaPointerGetAttributes(&attributes, memory) != cudaSuccess) static_cast<void>(cudaGetLastError());
  return attributes.devicePointer;
}

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
#include <vector>

namespace penstock::hip {

inline constexpr u64 kTicksPerSecond = device::kAmdTicksPerSecond;

inline std::string ArchitectureOf(const hipDeviceProp_t& properties) { return properties.gcnArchName; }

inline void* KnownAddress(const void* memory) {
  hipPointerAttribute_t attributes = {};
  if (hipPointerGetAttributes(&attributes, memory) == hipSuccess) return attributes.devicePointer;
  static_cast<void>(hipGetLastError());
  return nullptr;
}

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
