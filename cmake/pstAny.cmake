# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)

add_library(pst_any INTERFACE)
add_library(pst::any ALIAS pst_any)
set_target_properties(pst_any PROPERTIES EXPORT_NAME any)
target_link_libraries(pst_any INTERFACE pst)
# An executable or a library that links pst::any compiles these; what links a static library that has linked it
# privately does not compile them again.
set(pst_any_source_dir "${CMAKE_INSTALL_DATADIR}/pst/any")
foreach(part any float_layers double_layers)
  target_sources(pst_any INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/cmake/any/${part}.cpp>
                                   $<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${pst_any_source_dir}/${part}.cpp>)
endforeach()
