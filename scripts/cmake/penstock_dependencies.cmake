# Finds what Penstock is built on; a missing package is named together with the Debian package that brings it.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(penstock_need found what package)
  if(NOT ${found})
    message(FATAL_ERROR "${what} was not found. Fix: apt-get install ${package}, or run scripts/setup, which installs "
                        "everything.")
  endif()
endfunction()

find_package(absl QUIET)
penstock_need(absl_FOUND "Abseil" libabsl-dev)
# Since version 18 clang writes more into the names of constrained templates than compilers did that older distributions built
# their Abseil with. What links tells which names that one has.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 18)
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
  find_package(nlohmann_json QUIET)
  penstock_need(nlohmann_json_FOUND "nlohmann-json" nlohmann-json3-dev)
endif()
pkg_check_modules(liburing QUIET IMPORTED_TARGET liburing>=2.3)
penstock_need(liburing_FOUND "liburing 2.3 or later" liburing-dev)
pkg_check_modules(libnvme QUIET IMPORTED_TARGET libnvme>=1.3)
if(libnvme_VERSION VERSION_GREATER_EQUAL 3)
  # driver/nvme_identify.cc is the one file to change for it.
  message(FATAL_ERROR "libnvme ${libnvme_VERSION} was found, and since 3.0 all of its calls and structures have other names. "
                      "Fix: install libnvme 1.3 to 2 beside it, and name the folder of its libnvme.pc in PKG_CONFIG_PATH.")
endif()
penstock_need(libnvme_FOUND "libnvme 1.3 or later, but not 3" "libnvme-dev libjson-c-dev libssl-dev")
pkg_check_modules(libisal QUIET IMPORTED_TARGET libisal)
penstock_need(libisal_FOUND "ISA-L" libisal-dev)

if(PENSTOCK_TESTS)
  find_package(GTest QUIET)
  penstock_need(GTest_FOUND "GoogleTest" "libgtest-dev libgmock-dev, or configure with -DPENSTOCK_TESTS=OFF")
endif()
if(PENSTOCK_BENCHMARKS)
  find_package(benchmark QUIET)
  penstock_need(benchmark_FOUND "Google Benchmark" "libbenchmark-dev, or configure with -DPENSTOCK_BENCHMARKS=OFF")
endif()
