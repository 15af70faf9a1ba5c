# Compiling kernels with hipcc, an application's for one. Used by our own build, and installed with it.

# Sets `built` to whether the command makes something of the probe, target_probe.hip, for the target. PENSTOCK_AMD_PROBE is that
# file, and PENSTOCK_AMD_PROBE_INCLUDE the folder of our headers.
function(penstock_amd_try built target)
  execute_process(COMMAND ${ARGN} --offload-arch=${target} -I "${PENSTOCK_AMD_PROBE_INCLUDE}" "${PENSTOCK_AMD_PROBE}"
                          -o "${PROJECT_BINARY_DIR}/CMakeFiles/target_probe.out"
                  RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
  if(result EQUAL 0)
    set(${built} ON PARENT_SCOPE)
  else()
    set(${built} OFF PARENT_SCOPE)
  endif()
endfunction()

# Sets `built` to whether hipcc can compile an application's kernel for the target, with HIP's headers and its device library.
function(penstock_amd_try_hipcc built target)
  penstock_amd_try(result ${target} ${PENSTOCK_HIPCC} -std=c++20 --cuda-device-only -c)
  set(${built} ${result} PARENT_SCOPE)
endfunction()

# penstock_hip_sources(TARGET FILE...): compiles the files, host and GPU code, and adds them to the target. CMake's own HIP
# language is not used: CMake 3.25 does not find Debian 12's HIP, which is not where ROCm would put it.
function(penstock_hip_sources target)
  if(NOT PENSTOCK_HIPCC)
    message(FATAL_ERROR "${target}: hipcc was not found. Fix: apt-get install hipcc, or name it in PENSTOCK_HIPCC.")
  endif()
  if(NOT PENSTOCK_AMD_HIPCC_TARGETS)
    message(FATAL_ERROR "${target}: hipcc builds for none of the targets that the kernel was built for. Fix: put a target that "
                        "it can build into PENSTOCK_AMD_TARGETS.")
  endif()
  list(TRANSFORM PENSTOCK_AMD_HIPCC_TARGETS PREPEND --offload-arch= OUTPUT_VARIABLE architectures)
  set(folders "$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>")
  # hipcc has a definition of its own for this one. With it go the empty entries that generator expressions leave.
  set(definitions "$<FILTER:$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>,EXCLUDE,^(__HIP_PLATFORM_AMD__=1)?$>")
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE source)
    cmake_path(GET file FILENAME name)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${target}.${name}.o")
    add_custom_command(OUTPUT "${object}"
                       COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${PENSTOCK_HIPCC} -std=c++20 -O3 -fPIC -Wall -Wextra
                               $<$<BOOL:${PENSTOCK_WERROR}>:-Werror> ${architectures} -include hip/hip_runtime.h
                               "$<$<BOOL:${folders}>:-I$<JOIN:${folders},;-I>>"
                               "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
                               -c "${source}" -o "${object}" -MD -MT "${object}" -MF "${object}.d"
                       DEPENDS "${source}" ${PENSTOCK_HIPCC} DEPFILE "${object}.d" VERBATIM COMMAND_EXPAND_LISTS
                       COMMENT "Building ${name} of ${target} with hipcc")
    target_sources(${target} PRIVATE "${object}")
  endforeach()
  target_link_libraries(${target} PRIVATE penstock::gpu_runtime)
endfunction()
