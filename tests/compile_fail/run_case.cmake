# SPDX-License-Identifier: Apache-2.0
# cmake -D CASE=file.cpp -D COMPILER=g++ -D COMPILER_ID=GNU -D "FLAGS=-I..;-isystem.." -P run_case.cmake
#
# The file must compile as it is, must not compile with -DPST_EXPECT_ERROR, and what the compiler then says must hold
# the texts that the file asks for, near the top, where a user reads them:
#   // expect: text           from every compiler (also expect-gcc:, expect-clang:); each of them must be found
#   // within: 12 lines       how far down the texts may be
cmake_minimum_required(VERSION 3.25)

set(within 12)
if(COMPILER_ID MATCHES "Clang")
  set(compiler clang)
else()
  set(compiler gcc)
endif()
# Semicolons and brackets have a meaning in CMake's lists, so the file is searched as one string.
file(READ "${CASE}" source)
if(source MATCHES "// within: ([0-9]+) lines")
  set(within ${CMAKE_MATCH_1})
endif()

set(ENV{LC_ALL} C)  # messages in English, with plain quotation marks
function(compile status_out output_out)
  execute_process(COMMAND "${COMPILER}" -std=c++20 -fsyntax-only ${FLAGS} ${ARGN} "${CASE}"
                  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(${status_out} "${status}" PARENT_SCOPE)
  set(${output_out} "${output}" PARENT_SCOPE)
endfunction()

compile(status output)
if(NOT status EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "must compile without PST_EXPECT_ERROR, but does not, see above")
endif()
compile(status output -DPST_EXPECT_ERROR)
if(status EQUAL 0)
  message(FATAL_ERROR "must not compile with PST_EXPECT_ERROR, but it does")
endif()

string(REGEX MATCHALL "\n" line_ends "${output}")
list(LENGTH line_ends line_count)
set(head "")
set(rest "${output}")
foreach(line RANGE 1 ${within})
  string(FIND "${rest}" "\n" end)
  if(end EQUAL -1)
    break()
  endif()
  math(EXPR end "${end} + 1")
  string(SUBSTRING "${rest}" 0 ${end} this_line)
  string(SUBSTRING "${rest}" ${end} -1 rest)
  string(APPEND head "${this_line}")
endforeach()

set(found_any FALSE)
while(source MATCHES "// expect(-gcc|-clang)?: *([^\n]+)\n")
  set(for "${CMAKE_MATCH_1}")
  set(text "${CMAKE_MATCH_2}")
  string(FIND "${source}" "${CMAKE_MATCH_0}" at)
  string(LENGTH "${CMAKE_MATCH_0}" length)
  math(EXPR at "${at} + ${length}")
  string(SUBSTRING "${source}" ${at} -1 source)
  if(for STREQUAL "" OR for STREQUAL "-${compiler}")
    set(found_any TRUE)
    string(FIND "${head}" "${text}" at)
    if(at EQUAL -1)
      message("${output}")
      message(FATAL_ERROR "must say, within ${within} lines: ${text}")
    endif()
  endif()
endwhile()
if(NOT found_any)
  message(FATAL_ERROR "names no text to expect from ${compiler}")
endif()
message("${line_count} lines:\n${head}")
