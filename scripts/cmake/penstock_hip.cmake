# The device for GPUs: whether it is built, for which make, and what an application's own kernels are compiled with. Neither
# configuring nor building needs a GPU.
#
# Sets PENSTOCK_HIP (whether it is built), PENSTOCK_HIP_SUMMARY and PENSTOCK_HIP_COMPILES_KERNELS (whether applications' kernels
# can be built: not where hipcc builds for none of the targets that were asked for), and makes, where the device is built,
#   penstock::gpu_runtime                  the GPU's runtime library and its headers
#   penstock_hip_sources(TARGET FILE...)   adds source files with kernels to a target

set(PENSTOCK_WITH_HIP AUTO CACHE STRING "Build the device for GPUs: AUTO (where what it needs is found), ON, OFF")
set(PENSTOCK_GPU_PLATFORM amd CACHE STRING "Whose GPUs: amd (HIP), or nvidia (the same sources, with nvcc)")
set_property(CACHE PENSTOCK_WITH_HIP PROPERTY STRINGS AUTO ON OFF)
set_property(CACHE PENSTOCK_GPU_PLATFORM PROPERTY STRINGS amd nvidia)

# Ends the search for a platform: without what is missing there is no HIP device, and with PENSTOCK_WITH_HIP=ON no build.
macro(penstock_hip_lacks what fix)
  if(PENSTOCK_WITH_HIP STREQUAL "AUTO")
    set(PENSTOCK_HIP_SUMMARY "off: ${what}. Fix: ${fix}.")
    return()
  endif()
  message(FATAL_ERROR "PENSTOCK_WITH_HIP is ON, but ${what}. Fix: ${fix}, or configure with -DPENSTOCK_WITH_HIP=OFF.")
endmacro()

set(PENSTOCK_HIP OFF)
set(PENSTOCK_HIP_COMPILES_KERNELS OFF)
if(NOT PENSTOCK_WITH_HIP MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "PENSTOCK_WITH_HIP is '${PENSTOCK_WITH_HIP}'. Fix: set it to AUTO, ON or OFF.")
elseif(NOT PENSTOCK_GPU_PLATFORM MATCHES "^(amd|nvidia)$")
  message(FATAL_ERROR "PENSTOCK_GPU_PLATFORM is '${PENSTOCK_GPU_PLATFORM}'. Fix: set it to amd or nvidia.")
elseif(PENSTOCK_WITH_HIP STREQUAL "OFF")
  set(PENSTOCK_HIP_SUMMARY "off: PENSTOCK_WITH_HIP is OFF")
else()
  set(PENSTOCK_SHARED ${BUILD_SHARED_LIBS})
  include(penstock_${PENSTOCK_GPU_PLATFORM})
  if(PENSTOCK_HIP AND PENSTOCK_SHARED AND PENSTOCK_GPU_PLATFORM STREQUAL "nvidia")
    # What is installed finds CUDA's runtime library, which seldom is where the system looks for one.
    set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
  endif()
endif()
