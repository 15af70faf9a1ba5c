// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The calls of the GPU's runtime library that Penstock uses, under HIP's names. On AMD this is HIP's own header; with
// PENSTOCK_GPU_NVIDIA each name stands for CUDA's. Nothing else of Penstock's host code knows CUDA.
#pragma once

#if defined(PENSTOCK_GPU_NVIDIA)

#include <cuda_runtime.h>

#define hipDevice_t int
#define hipDeviceProp_t cudaDeviceProp
#define hipError_t cudaError_t
#define hipEvent_t cudaEvent_t
#define hipStream_t cudaStream_t
#define hipPointerAttribute_t cudaPointerAttributes

#define hipSuccess cudaSuccess
#define hipErrorHostMemoryAlreadyRegistered cudaErrorHostMemoryAlreadyRegistered
#define hipErrorNotReady cudaErrorNotReady

#define hipDeviceAttributeMultiprocessorCount cudaDevAttrMultiProcessorCount
#define hipMemoryTypeDevice cudaMemoryTypeDevice
#define hipMemoryTypeHost cudaMemoryTypeHost
#define hipHostMallocCoherent 0
#define hipHostMallocMapped cudaHostAllocMapped
#define hipHostRegisterMapped cudaHostRegisterMapped
#define hipMemcpyDeviceToHost cudaMemcpyDeviceToHost
#define hipMemcpyHostToDevice cudaMemcpyHostToDevice
#define hipStreamNonBlocking cudaStreamNonBlocking

#define hipDeviceGetAttribute cudaDeviceGetAttribute
#define hipDeviceReset cudaDeviceReset
#define hipEventCreate cudaEventCreate
#define hipEventDestroy cudaEventDestroy
#define hipEventQuery cudaEventQuery
#define hipEventRecord cudaEventRecord
#define hipFree cudaFree
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
#define hipStreamDestroy cudaStreamDestroy
#define hipStreamQuery cudaStreamQuery
#define hipStreamSynchronize cudaStreamSynchronize

#else

#include <hip/hip_runtime_api.h>

#endif
