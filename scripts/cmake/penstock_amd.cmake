# The amd platform of penstock_hip.cmake: HIP's runtime library, and the compilers and targets of the kernels.
#
# A target's code object is built by the first compiler that can: hipcc's own, which the runtime library was released with,
# then every other clang from 16 on, the newest first. An application's kernels are compiled by hipcc, for those of the targets
# that it can build.
#
# Sets PENSTOCK_AMD_BUILT_TARGETS, and for each of them PENSTOCK_AMD_COMPILER_<target>; PENSTOCK_AMD_HIPCC_TARGETS.

set(PENSTOCK_AMD_TARGETS "" CACHE STRING "Targets to build the kernel for, e.g. gfx90a;gfx942; empty: all that can be built here")
set(penstock_amd_known gfx906 gfx90a gfx940 gfx942 gfx950 gfx1030 gfx1100 gfx1201 gfx9-4-generic gfx11-generic)

# How the kernel is compiled, whatever the target: without the device library, of which it needs nothing, and in one piece. Nor
# does it need an identity for a host's code to know it by: since clang 18 that is a symbol which is made of the source's folder.
set(PENSTOCK_AMD_KERNEL_FLAGS -std=c++20 -x hip --cuda-device-only --no-gpu-bundle-output -nogpulib -nogpuinc -fuse-cuid=none
                              -O3 -mllvm -amdgpu-early-inline-all=true -mllvm -amdgpu-function-calls=false -Wall -Wextra)

include(penstock_amd_runtime)
if(NOT TARGET penstock::gpu_runtime)
  return()
endif()
include(penstock_amd_sources)
if(NOT PENSTOCK_HIPCC)
  penstock_hip_lacks("hipcc was not found" "apt-get install hipcc, or run scripts/setup hip")
endif()
set(PENSTOCK_AMD_PROBE "${PROJECT_SOURCE_DIR}/hip/target_probe.hip")
set(PENSTOCK_AMD_PROBE_INCLUDE "${PROJECT_SOURCE_DIR}/include")

file(STRINGS "${PENSTOCK_HIP_INCLUDE_DIR}/hip/hip_version.h" penstock_hip_version REGEX "define HIP_VERSION_(MAJOR|MINOR|PATCH) ")
list(TRANSFORM penstock_hip_version REPLACE "^.* ([0-9]+)$" "\\1")
list(JOIN penstock_hip_version "." PENSTOCK_HIP_VERSION)

# Sets `compilers`: the clangs that there are, each once, in the order in which they are tried.
function(penstock_amd_find_compilers compilers)
  execute_process(COMMAND ${PENSTOCK_HIPCC} --version OUTPUT_VARIABLE version ERROR_QUIET)
  string(REGEX MATCH "clang version ([0-9]+)" _ "${version}")
  set(major "${CMAKE_MATCH_1}")
  string(REGEX MATCH "InstalledDir: ([^\n]+)" _ "${version}")
  find_program(own NAMES clang++-${major} clang++ NAMES_PER_DIR HINTS "${CMAKE_MATCH_1}" NO_CACHE)
  set(found ${own})
  foreach(major RANGE 29 16 -1)
    find_program(clang_${major} NAMES clang++-${major} NO_CACHE)
    if(clang_${major})
      list(APPEND found ${clang_${major}})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES found)
  set(${compilers} ${found} PARENT_SCOPE)
endfunction()

# Finds out, by trying, what can be built: PENSTOCK_AMD_COMPILER_<target> is empty where nothing can.
function(penstock_amd_probe_targets targets compilers)
  set(hipcc_targets)
  list(GET compilers 0 own)
  foreach(target IN LISTS targets)
    set(chosen)
    foreach(compiler IN LISTS compilers)
      penstock_amd_try(built ${target} ${compiler} ${PENSTOCK_AMD_KERNEL_FLAGS})
      if(built)
        set(chosen ${compiler})
        break()
      endif()
    endforeach()
    set(PENSTOCK_AMD_COMPILER_${target} "${chosen}" CACHE INTERNAL "What builds the kernel for ${target}")
    if(chosen STREQUAL own)
      penstock_amd_try_hipcc(built ${target})
      if(built)
        list(APPEND hipcc_targets ${target})
      endif()
    endif()
  endforeach()
  set(PENSTOCK_AMD_HIPCC_TARGETS "${hipcc_targets}" CACHE INTERNAL "Targets that hipcc builds applications' kernels for")
endfunction()

set(penstock_amd_wanted ${PENSTOCK_AMD_TARGETS})
if(NOT penstock_amd_wanted)
  set(penstock_amd_wanted ${penstock_amd_known})
  if(PENSTOCK_HIP_VERSION VERSION_LESS 6)
    # Code objects for generic targets have version 6, which older runtime libraries do not load.
    list(FILTER penstock_amd_wanted EXCLUDE REGEX generic)
  endif()
endif()

penstock_amd_find_compilers(penstock_amd_compilers)
set(penstock_amd_question "${penstock_amd_wanted} by ${penstock_amd_compilers}")
if(NOT penstock_amd_question STREQUAL "${PENSTOCK_AMD_PROBED}")
  message(STATUS "Trying which AMD targets can be built")
  penstock_amd_probe_targets("${penstock_amd_wanted}" "${penstock_amd_compilers}")
  set(PENSTOCK_AMD_PROBED "${penstock_amd_question}" CACHE INTERNAL "What was asked of which compilers")
endif()

set(PENSTOCK_AMD_BUILT_TARGETS)
set(PENSTOCK_HIP_SUMMARY "HIP ${PENSTOCK_HIP_VERSION}; the kernel for")
foreach(target IN LISTS penstock_amd_wanted)
  if(PENSTOCK_AMD_COMPILER_${target})
    list(APPEND PENSTOCK_AMD_BUILT_TARGETS ${target})
    cmake_path(GET PENSTOCK_AMD_COMPILER_${target} FILENAME compiler)
    string(APPEND PENSTOCK_HIP_SUMMARY " ${target} (${compiler})")
  elseif(PENSTOCK_AMD_TARGETS)
    list(JOIN penstock_amd_compilers ", " compilers)
    message(FATAL_ERROR "None of ${compilers} can build the kernel for ${target}. Fix: leave ${target} out of "
                        "PENSTOCK_AMD_TARGETS, or install a clang that knows it, with its lld.")
  endif()
endforeach()
if(PENSTOCK_AMD_HIPCC_TARGETS)
  set(PENSTOCK_HIP_COMPILES_KERNELS ON)
  list(JOIN PENSTOCK_AMD_HIPCC_TARGETS " " penstock_amd_names)
  string(APPEND PENSTOCK_HIP_SUMMARY "; applications' kernels for ${penstock_amd_names}")
else()
  string(APPEND PENSTOCK_HIP_SUMMARY "; no kernels of applications, since hipcc builds for none of these")
endif()
if(NOT PENSTOCK_AMD_BUILT_TARGETS)
  penstock_hip_lacks("no compiler was found that builds for an AMD GPU" "run scripts/setup hip")
endif()

set(PENSTOCK_HIP ON)
# What is installed finds a runtime library where the system does not look for one: AMD's own packages are in /opt/rocm.
cmake_path(GET PENSTOCK_HIP_LIBRARY PARENT_PATH penstock_amd_folder)
if(NOT penstock_amd_folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
  set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
endif()

# penstock_hip_code_objects(FILES SOURCE): a code object of SOURCE for each target. Sets FILES to a list of them, in the order of
# PENSTOCK_AMD_BUILT_TARGETS.
function(penstock_hip_code_objects files source)
  cmake_path(GET source STEM stem)
  set(objects)
  foreach(target IN LISTS PENSTOCK_AMD_BUILT_TARGETS)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${stem}.${target}.co")
    set(compiler ${PENSTOCK_AMD_COMPILER_${target}})
    # -MD, told to the compiler proper: clang 21's driver does not pass it on when it compiles for the device only.
    set(dependencies -Xclang -dependency-file -Xclang "${object}.d" -Xclang -MT -Xclang "${object}")
    add_custom_command(OUTPUT "${object}"
                       COMMAND ${compiler} ${PENSTOCK_AMD_KERNEL_FLAGS} $<$<BOOL:${PENSTOCK_WERROR}>:-Werror>
                               --offload-arch=${target} -I "${PROJECT_SOURCE_DIR}/include" "${source}" -o "${object}"
                               ${dependencies}
                       DEPENDS "${source}" ${compiler} DEPFILE "${object}.d" VERBATIM COMMAND_EXPAND_LISTS
                       COMMENT "Building the code object ${stem} for ${target}")
    list(APPEND objects "${object}")
  endforeach()
  set(${files} ${objects} PARENT_SCOPE)
endfunction()

# penstock_hip_embed(TARGET FILES): puts the code objects, as penstock_hip_code_objects made them, and their table
# (hip/code_objects.h) into the target.
function(penstock_hip_embed target files)
  set(PENSTOCK_BYTES)
  set(PENSTOCK_ROWS)
  foreach(name file IN ZIP_LISTS PENSTOCK_AMD_BUILT_TARGETS files)
    string(MAKE_C_IDENTIFIER "${name}" symbol)
    string(APPEND PENSTOCK_BYTES "PENSTOCK_EMBED(${symbol}, \"${file}\")\n")
    string(APPEND PENSTOCK_ROWS "    {\"${name}\", Bytes(${symbol}_begin, ${symbol}_end)},\n")
  endforeach()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/embedded_code_objects.cc")
  configure_file("${PROJECT_SOURCE_DIR}/hip/embedded_code_objects.cc.in" "${source}" @ONLY)
  set_source_files_properties("${source}" PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE "${source}")
endfunction()
