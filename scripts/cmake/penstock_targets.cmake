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

# penstock_test(NAME sources... [LABELS ...] [LIBRARIES ...]): one GoogleTest binary, its cases registered one by one.
function(penstock_test name)
  cmake_parse_arguments(ARG "" "" "LABELS;LIBRARIES" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  penstock_compile_options(${name})
  # Assertions are most of a test's code, and optimising them takes most of the time to build: a third without.
  target_compile_options(${name} PRIVATE "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<NOT:$<CONFIG:Release>>>:-O0;-g1>")
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 120)
endfunction()
