# SPDX-License-Identifier: Apache-2.0
# Makes pst::thrust, in our build tree and in that of a user of the installed package alike. It is Thrust's plain C++
# system, which needs neither nvcc nor a GPU; under nvcc take pst::core and include pst/cuda.cuh.
find_path(PST_THRUST_INCLUDE_DIR thrust/version.h DOC "The folder that holds Thrust's folder of headers")
mark_as_advanced(PST_THRUST_INCLUDE_DIR)

if(PST_THRUST_INCLUDE_DIR AND NOT TARGET pst::thrust)
  add_library(pst::thrust INTERFACE IMPORTED GLOBAL)
  target_link_libraries(pst::thrust INTERFACE pst::core)
  target_include_directories(pst::thrust SYSTEM INTERFACE "${PST_THRUST_INCLUDE_DIR}")
  target_compile_definitions(pst::thrust INTERFACE
    THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP
    THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP)
elseif(NOT TARGET pst::thrust)
  message(STATUS "pst: Thrust's headers were not found, there is no pst::thrust")
endif()
