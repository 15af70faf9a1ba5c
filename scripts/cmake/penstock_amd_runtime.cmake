# HIP on this machine: its runtime library, as penstock::gpu_runtime, and its compiler. Used by our own build, and installed for
# those who link penstock::hip. Whoever includes this defines penstock_hip_lacks(WHAT FIX).

find_path(PENSTOCK_HIP_INCLUDE_DIR hip/hip_runtime_api.h PATHS /opt/rocm/include)
find_library(PENSTOCK_HIP_LIBRARY amdhip64 PATHS /opt/rocm/lib)
find_program(PENSTOCK_HIPCC hipcc PATHS /opt/rocm/bin)
mark_as_advanced(PENSTOCK_HIP_INCLUDE_DIR PENSTOCK_HIP_LIBRARY PENSTOCK_HIPCC)
if(NOT PENSTOCK_HIP_INCLUDE_DIR OR NOT PENSTOCK_HIP_LIBRARY)
  penstock_hip_lacks("HIP's runtime library was not found" "apt-get install libamdhip64-dev, or run scripts/setup hip")
endif()

# Imported, so that what is exported names it and not where it is on the machine that built it.
if(NOT TARGET penstock::gpu_runtime)
  add_library(penstock::gpu_runtime INTERFACE IMPORTED GLOBAL)
  target_compile_definitions(penstock::gpu_runtime INTERFACE __HIP_PLATFORM_AMD__=1)
  target_include_directories(penstock::gpu_runtime INTERFACE "${PENSTOCK_HIP_INCLUDE_DIR}")
  target_link_libraries(penstock::gpu_runtime INTERFACE "${PENSTOCK_HIP_LIBRARY}")
endif()
