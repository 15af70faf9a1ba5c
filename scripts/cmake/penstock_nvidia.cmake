# The nvidia platform of penstock_hip.cmake: the same sources, compiled by nvcc. Whoever includes this says in PENSTOCK_SHARED
# whether libpenstock_hip is a shared library.

find_program(PENSTOCK_NVCC nvcc PATHS /usr/local/cuda/bin)
if(NOT PENSTOCK_NVCC)
  penstock_hip_lacks("nvcc was not found" "install CUDA, or put its bin folder on PATH")
endif()
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90 CACHE STRING "Compute capabilities to build the kernel for")
endif()
if(NOT CMAKE_CUDA_COMPILER)
  set(CMAKE_CUDA_COMPILER "${PENSTOCK_NVCC}")
endif()
# Kernels are known to the runtime library that the program or shared library with them is linked with, and no other one can
# launch them: an application and a shared libpenstock_hip must have the same one.
set(penstock_cuda_library CUDA::cudart_static)
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
if(PENSTOCK_SHARED)
  set(penstock_cuda_library CUDA::cudart)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
endif()
enable_language(CUDA)
foreach(dialect STANDARD EXTENSION)
  if(NOT CMAKE_CUDA20_${dialect}_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has it
    set(CMAKE_CUDA20_${dialect}_COMPILE_OPTION "-std=c++20")
  endif()
endforeach()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
find_package(CUDAToolkit REQUIRED)

if(NOT TARGET penstock::gpu_runtime)
  add_library(penstock::gpu_runtime INTERFACE IMPORTED GLOBAL)
  target_compile_definitions(penstock::gpu_runtime INTERFACE PENSTOCK_GPU_NVIDIA)
  target_link_libraries(penstock::gpu_runtime INTERFACE ${penstock_cuda_library})
  set_target_properties(penstock::gpu_runtime PROPERTIES CUDA_RUNTIME_LIBRARY ${CMAKE_CUDA_RUNTIME_LIBRARY})
endif()

list(JOIN CMAKE_CUDA_ARCHITECTURES ", " PENSTOCK_HIP_SUMMARY)
string(PREPEND PENSTOCK_HIP_SUMMARY "CUDA ${CMAKE_CUDA_COMPILER_VERSION}; the kernel for compute capability ")
set(PENSTOCK_HIP ON)
set(PENSTOCK_HIP_COMPILES_KERNELS ON)

# penstock_hip_sources(TARGET FILE...): compiles the files, host and GPU code, and adds them to the target.
function(penstock_hip_sources target)
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CUDA)
  target_sources(${target} PRIVATE ${ARGN})
  get_target_property(runtime penstock::gpu_runtime CUDA_RUNTIME_LIBRARY)
  set_target_properties(${target} PROPERTIES CUDA_RUNTIME_LIBRARY ${runtime})
  target_link_libraries(${target} PRIVATE penstock::gpu_runtime)
endfunction()
