# What `cmake --install` puts where: libraries and headers, the files by which others' builds find them, and the command. In
# parts, which are packages of a distribution: runtime (shared libraries), c (the one for C), dev (what is compiled and linked
# with), tools.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(PENSTOCK_PACKAGE_FOLDER "${CMAKE_INSTALL_LIBDIR}/cmake/penstock")
# The C interface only grows, and its name does not follow the minor version as those of the C++ libraries do.
set(PENSTOCK_C_SOVERSION 0)

# The parts that this build has, and what their packages are called.
set(PENSTOCK_PARTS dev)
set(PENSTOCK_PACKAGE_dev libpenstock-dev)
set(PENSTOCK_PACKAGE_runtime libpenstock${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(PENSTOCK_PACKAGE_c libpenstock-c${PENSTOCK_C_SOVERSION})
set(PENSTOCK_PACKAGE_tools penstock)
if(BUILD_SHARED_LIBS)
  list(APPEND PENSTOCK_PARTS runtime)
endif()
if(PENSTOCK_C)
  list(APPEND PENSTOCK_PARTS c)
endif()
if(PENSTOCK_TOOLS)
  list(APPEND PENSTOCK_PARTS tools)
endif()

# penstock_install_library(TARGET COMPONENT): installs the target, and exports it with a component of penstockConfig.cmake.
function(penstock_install_library target component)
  if(NOT PENSTOCK_INSTALL)
    return()
  endif()
  set(part runtime)
  if(component STREQUAL "c")
    set(part c)
  endif()
  install(TARGETS ${target} EXPORT penstock_${component}
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${part} NAMELINK_COMPONENT dev
          ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT dev)
  set_property(GLOBAL APPEND PROPERTY penstock_components ${component})
endfunction()

# penstock_install_pkg_config(COMPONENT [REQUIRES ...] [LIBS ...]): penstock-COMPONENT.pc, from scripts/cmake/pkgconfig. What is
# named here only our libraries use: who links the shared ones needs it for pkg-config --static alone.
function(penstock_install_pkg_config component)
  cmake_parse_arguments(ARG "" "" "REQUIRES;LIBS" ${ARGN})
  set(privately "")
  if(BUILD_SHARED_LIBS)
    set(privately _PRIVATE)
  endif()
  list(JOIN ARG_REQUIRES " " PENSTOCK_REQUIRES${privately})
  list(JOIN ARG_LIBS " " PENSTOCK_LIBS${privately})
  foreach(name LIBDIR INCLUDEDIR)
    # Below the prefix, which may be moved, unless it was told where exactly.
    set(PENSTOCK_${name} "\${prefix}/${CMAKE_INSTALL_${name}}")
    cmake_path(IS_ABSOLUTE CMAKE_INSTALL_${name} is_absolute)
    if(is_absolute)
      set(PENSTOCK_${name} "${CMAKE_INSTALL_${name}}")
    endif()
  endforeach()
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig"
             OUTPUT_VARIABLE PENSTOCK_UP)
  set(file "${PROJECT_BINARY_DIR}/package/penstock-${component}.pc")
  configure_file("${PROJECT_SOURCE_DIR}/scripts/cmake/pkgconfig/penstock-${component}.pc.in" "${file}" @ONLY)
  install(FILES "${file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT dev)
endfunction()

function(penstock_install_config)
  set(config "${PROJECT_BINARY_DIR}/package/penstockConfig.cmake")
  set(version "${PROJECT_BINARY_DIR}/package/penstockConfigVersion.cmake")
  configure_package_config_file("${PROJECT_SOURCE_DIR}/scripts/cmake/penstockConfig.cmake.in" "${config}"
                                INSTALL_DESTINATION "${PENSTOCK_PACKAGE_FOLDER}" PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
  write_basic_package_version_file("${version}" COMPATIBILITY SameMinorVersion)
  set(files "${config}" "${version}")
  if(PENSTOCK_HIP)
    set(hip "${PROJECT_BINARY_DIR}/package/penstock_hip_component.cmake")
    configure_package_config_file("${PROJECT_SOURCE_DIR}/scripts/cmake/penstock_hip_component.cmake.in" "${hip}"
                                  INSTALL_DESTINATION "${PENSTOCK_PACKAGE_FOLDER}" PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
    list(APPEND files "${hip}")
  endif()
  if(PENSTOCK_HIP AND PENSTOCK_GPU_PLATFORM STREQUAL "amd")
    list(APPEND files scripts/cmake/penstock_amd_runtime.cmake scripts/cmake/penstock_amd_sources.cmake hip/target_probe.hip)
  elseif(PENSTOCK_HIP)
    list(APPEND files scripts/cmake/penstock_nvidia.cmake)
  endif()
  install(FILES ${files} DESTINATION "${PENSTOCK_PACKAGE_FOLDER}" COMPONENT dev)
endfunction()

# Everything that is not a target: called when all of them are there.
function(penstock_install_package)
  if(NOT PENSTOCK_INSTALL)
    return()
  endif()
  install(DIRECTORY include/penstock DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT dev FILES_MATCHING PATTERN "*.h")
  # In a folder of each package's own, since no two packages may have a file in common; CMAKE_INSTALL_DOCDIR is another project's
  # where Penstock is a part of one.
  foreach(part IN LISTS PENSTOCK_PARTS)
    install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${PENSTOCK_PACKAGE_${part}}" COMPONENT ${part})
  endforeach()
  get_property(PENSTOCK_COMPONENTS GLOBAL PROPERTY penstock_components)
  list(REMOVE_DUPLICATES PENSTOCK_COMPONENTS)
  foreach(component IN LISTS PENSTOCK_COMPONENTS)
    install(EXPORT penstock_${component} NAMESPACE penstock:: FILE penstock_${component}_targets.cmake
            DESTINATION "${PENSTOCK_PACKAGE_FOLDER}" COMPONENT dev)
  endforeach()
  penstock_install_pkg_config(layout)
  penstock_install_pkg_config(driver REQUIRES "liburing >= 2.3" ${libnvme_MODULE_NAME})
  penstock_install_pkg_config(runtime REQUIRES absl_str_format libisal)
  if(PENSTOCK_C)
    penstock_install_pkg_config(c)
  endif()
  if(PENSTOCK_HIP AND PENSTOCK_GPU_PLATFORM STREQUAL "amd")
    cmake_path(GET PENSTOCK_HIP_LIBRARY PARENT_PATH folder)
    set(search -L${folder})
    if(folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
      set(search "")
    endif()
    penstock_install_pkg_config(hip LIBS ${search} -lamdhip64 -ldl)
  endif()
  penstock_install_config()
  if(PROJECT_IS_TOP_LEVEL)
    include(penstock_cpack)
  endif()
endfunction()
