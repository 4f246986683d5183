# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Everything is text that fits any machine, hence share/ and not lib/.
set(pst_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/pst")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/pst" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h" PATTERN "*.cuh")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cmake/any/" DESTINATION "${pst_any_source_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(TARGETS pst_core pst pst_any pst_io EXPORT pstTargets INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT pstTargets NAMESPACE pst:: DESTINATION "${pst_package_dir}")

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/pstConfig.cmake.in" "${PROJECT_BINARY_DIR}/pstConfig.cmake"
  INSTALL_DESTINATION "${pst_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/pstConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${PROJECT_BINARY_DIR}/pstConfig.cmake"
  "${PROJECT_BINARY_DIR}/pstConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/pstThrust.cmake"
  DESTINATION "${pst_package_dir}")

# The prefix is found from where the file lies, so that a moved installation still works.
file(RELATIVE_PATH pst_prefix_from_pc
  "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/pst.pc.in" "${PROJECT_BINARY_DIR}/pst.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/pst.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
