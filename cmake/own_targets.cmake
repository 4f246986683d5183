# SPDX-License-Identifier: Apache-2.0
# The flags of our own tests, benchmarks and examples. Never exported: flags such as -march=native change the size of
# Eigen's types, and a program must agree on them in all of its parts.
add_library(pst_own_flags INTERFACE)
target_compile_options(pst_own_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 gives these for its own AVX-512 intrinsics (bug 105593) and its own std::string (bug 105651).
  target_compile_options(pst_own_flags INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
endif()
set(PST_COMPILER_HEAP "" CACHE STRING
    "Kilobytes of its memory that g++ fills before it looks for garbage: saves a tenth of the time; empty: as it comes")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND PST_COMPILER_HEAP)
  target_compile_options(pst_own_flags INTERFACE "SHELL:--param ggc-min-heapsize=${PST_COMPILER_HEAP}")
endif()
if(PST_WARNINGS_AS_ERRORS)
  target_compile_options(pst_own_flags INTERFACE -Werror)
endif()
if(PST_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native PST_HAS_MARCH_NATIVE)
  if(PST_HAS_MARCH_NATIVE)
    target_compile_options(pst_own_flags INTERFACE -march=native)
  endif()
endif()
if(PST_SANITIZE)
  list(JOIN PST_SANITIZE "," pst_sanitizers)
  target_compile_options(pst_own_flags INTERFACE
    -fsanitize=${pst_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(pst_own_flags INTERFACE -fsanitize=${pst_sanitizers})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The same bug of g++ 12 as above, under the name that it has in instrumented code.
    target_compile_options(pst_own_flags INTERFACE -Wno-uninitialized)
  endif()
endif()

# pst::any, compiled once for our own programs.
add_library(pst_own_any STATIC EXCLUDE_FROM_ALL)
target_link_libraries(pst_own_any PUBLIC pst::pst PRIVATE pst::any pst_own_flags)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(pst_own_any PRIVATE -Wno-uninitialized)  # again g++ 12's own intrinsics
endif()
