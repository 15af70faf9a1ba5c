# What every target of ours has in common.

function(penstock_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wconversion;-Wno-sign-conversion;-Wnon-virtual-dtor>"
                                           "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wshadow=local>")
  if(PENSTOCK_WERROR)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Werror>"
                                             "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>")
  endif()
  if(PENSTOCK_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${PENSTOCK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${PENSTOCK_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND PENSTOCK_SANITIZE MATCHES address)
      # GCC misaligns variables of 64-byte alignment when it looks for use after return, as 13 does by default (PR 110027).
      target_compile_options(${target} PRIVATE --param=asan-use-after-return=0)
    endif()
  endif()
endfunction()

function(penstock_library target)
  penstock_compile_options(${target})
  target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}/include" PRIVATE "${CMAKE_SOURCE_DIR}")
endfunction()

# Most of the time that a test takes to compile goes to headers of GoogleTest, Abseil and the standard library: they are compiled
# once. Not in every build, because a source that lacks one of these includes would go unnoticed.
function(penstock_precompile_test name)
  if(NOT TARGET precompiled_tests)
    file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/precompiled_tests.cc" CONTENT "")
    add_library(precompiled_tests OBJECT "${CMAKE_BINARY_DIR}/precompiled_tests.cc")
    penstock_test_options(precompiled_tests)
    target_link_libraries(precompiled_tests PRIVATE absl::statusor absl::span absl::strings GTest::gmock)
    target_precompile_headers(precompiled_tests PRIVATE <gmock/gmock.h> <gtest/gtest.h> <absl/status/statusor.h>
                              <absl/strings/str_cat.h> <absl/types/span.h> <algorithm> <functional> <map> <memory> <optional>
                              <string> <thread> <vector>)
  endif()
  target_precompile_headers(${name} REUSE_FROM precompiled_tests)
endfunction()

function(penstock_test_options target)
  penstock_compile_options(${target})
  # Assertions are most of a test's code, and optimising them takes most of the time to build: a third without.
  target_compile_options(${target} PRIVATE "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<NOT:$<CONFIG:Release>>>:-O0;-g1>")
endfunction()

# penstock_test(NAME sources... [LABELS ...] [LIBRARIES ...]): one GoogleTest binary, its cases registered one by one.
function(penstock_test name)
  cmake_parse_arguments(ARG "" "" "LABELS;LIBRARIES" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  penstock_test_options(${name})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(PENSTOCK_PRECOMPILE)
    penstock_precompile_test(${name})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 120)
endfunction()
