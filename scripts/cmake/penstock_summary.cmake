message(STATUS "Penstock ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
message(STATUS "  tests ${PENSTOCK_TESTS}, benchmarks ${PENSTOCK_BENCHMARKS}, sanitizers '${PENSTOCK_SANITIZE}'")
message(STATUS "  liburing ${liburing_VERSION}, libnvme ${libnvme_VERSION}, ISA-L ${libisal_VERSION}")
message(STATUS "  binaries in ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
