// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// HIP's calls. Where nvcc compiles without HIP's own headers for NVIDIA, the few that the examples use get CUDA's meaning; an
// application for AMD's GPUs only includes hip/hip_runtime.h.
#pragma once

#if defined(PENSTOCK_GPU_NVIDIA)

#include <cuda_runtime.h>

#define hipError_t cudaError_t
#define hipFree cudaFree
#define hipGetErrorName cudaGetErrorName
#define hipGetLastError cudaGetLastError
#define hipHostFree cudaFreeHost
#define hipHostMalloc cudaHostAlloc
#define hipHostMallocDefault cudaHostAllocDefault
#define hipMalloc cudaMalloc
#define hipMemcpy cudaMemcpy
#define hipMemcpyAsync cudaMemcpyAsync
#define hipMemcpyDeviceToHost cudaMemcpyDeviceToHost
#define hipMemcpyHostToDevice cudaMemcpyHostToDevice
#define hipStreamCreateWithFlags cudaStreamCreateWithFlags
#define hipStreamDestroy cudaStreamDestroy
#define hipStreamNonBlocking cudaStreamNonBlocking
#define hipStreamSynchronize cudaStreamSynchronize
#define hipStream_t cudaStream_t
#define hipSuccess cudaSuccess

#else
#include <hip/hip_runtime.h>
#endif
