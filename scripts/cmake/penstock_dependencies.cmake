# Finds what Penstock is built on; a missing package is named together with the Debian package that brings it.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(penstock_need found what package)
  if(NOT ${found})
    message(FATAL_ERROR "${what} was not found. Fix: apt-get install ${package}, or run scripts/setup, which installs "
                        "everything.")
  endif()
endfunction()

# Unless a project that Penstock is a part of has brought it: two definitions of one target are an error.
macro(penstock_find package target what debian)
  if(NOT TARGET ${target})
    find_package(${package} QUIET)
    penstock_need(${package}_FOUND "${what}" "${debian}")
  endif()
endmacro()

penstock_find(absl absl::status "Abseil" libabsl-dev)
get_target_property(penstock_abseil_is_imported absl::cord IMPORTED)
if(PENSTOCK_INSTALL AND NOT penstock_abseil_is_imported AND NOT absl_VERSION)
  message(FATAL_ERROR "Who finds an installed Penstock needs the same Abseil, and that of the project that Penstock is a part of "
                      "tells no version. Fix: set absl_VERSION before Penstock is added, or leave PENSTOCK_INSTALL off.")
endif()
# Since version 18 clang writes more into the names of constrained templates than compilers did that older distributions built
# their Abseil with. What links tells which names that one has. An Abseil that is built with Penstock has the same compiler.
if(penstock_abseil_is_imported AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 18)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES absl::cord)
  check_cxx_source_compiles("#include <absl/strings/cord.h>
                             int main(int, char** argv) { return absl::Cord(std::string(argv[0])).empty(); }"
                            PENSTOCK_ABSEIL_HAS_NEW_NAMES)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(NOT PENSTOCK_ABSEIL_HAS_NEW_NAMES)
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fclang-abi-compat=17>")
  endif()
endif()
if(PENSTOCK_TOOLS OR PENSTOCK_C)
  penstock_find(nlohmann_json nlohmann_json::nlohmann_json "nlohmann-json" nlohmann-json3-dev)
endif()
pkg_check_modules(liburing QUIET IMPORTED_TARGET liburing>=2.3)
penstock_need(liburing_FOUND "liburing 2.3 or later" liburing-dev)
# Version 3 has a name and headers of its own, and can be there beside an earlier one.
pkg_search_module(libnvme QUIET IMPORTED_TARGET libnvme>=1.3 libnvme3)
penstock_need(libnvme_FOUND "libnvme 1.3 or later" "libnvme-dev libjson-c-dev libssl-dev")
pkg_check_modules(libisal QUIET IMPORTED_TARGET libisal)
penstock_need(libisal_FOUND "ISA-L" libisal-dev)

if(PENSTOCK_TESTS)
  penstock_find(GTest GTest::gmock "GoogleTest" "libgtest-dev libgmock-dev, or configure with -DPENSTOCK_TESTS=OFF")
endif()
if(PENSTOCK_BENCHMARKS)
  penstock_find(benchmark benchmark::benchmark "Google Benchmark" "libbenchmark-dev, or configure with -DPENSTOCK_BENCHMARKS=OFF")
endif()
