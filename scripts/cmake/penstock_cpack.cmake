# Packages of what penstock_install.cmake installs: `cpack -G DEB` and `cpack -G TGZ` in a build folder. The preset `package` is a
# build for this.

set(CPACK_PACKAGE_NAME penstock)
set(CPACK_PACKAGE_VENDOR Penstock)
# Whoever makes a package answers for it: -DCPACK_PACKAGE_CONTACT="NAME <ADDRESS>".
if(NOT CPACK_PACKAGE_CONTACT)
  set(CPACK_PACKAGE_CONTACT "The Penstock authors <penstock@localhost>")
endif()
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL ${PENSTOCK_PARTS})

# One archive of everything for tar.gz.
set(CPACK_ARCHIVE_COMPONENT_INSTALL OFF)

# One package a component for Debian. Libraries of another minor version have another soname, and can be there beside these; the
# library for C keeps its soname, so it has a package of its own.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# By which dpkg-shlibdeps knows what other people's packages depend on that are linked with these libraries.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
foreach(part IN LISTS PENSTOCK_PARTS)
  string(TOUPPER ${part} name)
  set(CPACK_DEBIAN_${name}_PACKAGE_NAME ${PENSTOCK_PACKAGE_${part}})
endforeach()
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "${PROJECT_DESCRIPTION}: shared libraries")
set(CPACK_DEBIAN_C_DESCRIPTION "${PROJECT_DESCRIPTION}: the shared library for C and other languages")
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_DESCRIPTION "${PROJECT_DESCRIPTION}: headers, and files for CMake and pkg-config")
# libnvme.pc names json-c and OpenSSL, and libnvme3.pc D-Bus, which libnvme-dev does not bring.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libabsl-dev, liburing-dev (>= 2.3), libnvme-dev (>= 1.3), libjson-c-dev, libssl-dev, libisal-dev, pkg-config")
if(libnvme_MODULE_NAME STREQUAL "libnvme3")
  string(APPEND CPACK_DEBIAN_DEV_PACKAGE_DEPENDS ", libdbus-1-dev")
endif()
if(PENSTOCK_HIP AND PENSTOCK_GPU_PLATFORM STREQUAL "amd")
  set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "libamdhip64-dev, hipcc")
endif()
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "${PROJECT_DESCRIPTION}: the penstock command")
# The other parts of one version go with the libraries of that version.
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_COMPONENT_DEV_DEPENDS ${PENSTOCK_PARTS})
list(REMOVE_ITEM CPACK_COMPONENT_DEV_DEPENDS dev tools)
if(BUILD_SHARED_LIBS)
  set(CPACK_COMPONENT_C_DEPENDS runtime)
  set(CPACK_COMPONENT_TOOLS_DEPENDS runtime)
endif()
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
    "${PROJECT_BINARY_DIR}/runtime/base" "${PROJECT_BINARY_DIR}/driver" "${PROJECT_BINARY_DIR}/hip"
    "${PROJECT_BINARY_DIR}/runtime")

include(CPack)
