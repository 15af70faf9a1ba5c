# What every target of ours has in common.

function(penstock_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wconversion;-Wno-sign-conversion;-Wnon-virtual-dtor>"
                                           "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wshadow=local>")
  if(PENSTOCK_WERROR)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Werror>"
                                             "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>")
  endif()
  # What users run does not tell in which folder it was built: scripts/check_reproducible holds two builds against each other.
  target_compile_options(${target} PRIVATE
                         "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=>")
  if(PENSTOCK_FUZZ)
    # libFuzzer learns from it which inputs reach code that no other has.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
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
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
endfunction()

# penstock_installed_library(TARGET COMPONENT [SCRIPT]): a library that others link, as penstock::NAME, and that comes with the
# component of penstockConfig.cmake. Static or shared, as BUILD_SHARED_LIBS says; its objects are the same either way. SCRIPT is
# the linker's, of what it exports as a shared one.
function(penstock_installed_library target component)
  penstock_library(${target})
  string(REPLACE penstock_ "" name ${target})
  add_library(penstock::${name} ALIAS ${target})
  # While it is 0.x, each minor version has an interface of its own.
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} DEFINE_SYMBOL ""
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON INSTALL_RPATH "$ORIGIN")
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-semantic-interposition>)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL SHARED_LIBRARY)
    set(script "${ARGV2}")
    if(NOT script)
      set(script "${PROJECT_SOURCE_DIR}/scripts/cmake/penstock_exports.map")
    endif()
    target_link_options(${target} PRIVATE "LINKER:--version-script=${script}")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${script}")
    if(NOT PENSTOCK_SANITIZE)
      target_link_options(${target} PRIVATE LINKER:--no-undefined)
    endif()
  endif()
  penstock_install_library(${target} ${component})
endfunction()

# Most of the time that a test takes to compile goes to headers of GoogleTest, Abseil and the standard library: they are compiled
# once. Not in every build, because a source that lacks one of these includes would go unnoticed.
function(penstock_precompile_test name)
  if(NOT TARGET precompiled_tests)
    file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/precompiled_tests.cc" CONTENT "")
    add_library(precompiled_tests OBJECT "${PROJECT_BINARY_DIR}/precompiled_tests.cc")
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

# penstock_test(NAME sources... [LABELS ...] [LIBRARIES ...] [TIMEOUT SECONDS]): one GoogleTest binary, its cases registered one
# by one.
function(penstock_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;LIBRARIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  penstock_test_options(${name})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(PENSTOCK_PRECOMPILE)
    penstock_precompile_test(${name})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
