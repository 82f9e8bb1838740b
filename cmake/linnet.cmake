# How the folders are built. The kernel is compiled twice when LINNET_TESTS is on: `linnet.elf`, and
# `linnet-debug.elf` with LINNET_DEBUG=1 (lock ranks, contexts and invariants are checked).
#
#   linnet_kernel_library(NAME SOURCES... [LIBS lib...] [LOCAL_OPTIONS opt...])
#       an object library NAME, and NAME-debug, with the kernel's flags; LIBS are other kernel libraries
#       whose headers it may include.
#   linnet_host_library(NAME SOURCES... [LIBS lib...])
#       the same sources for the host, for unit tests and the command line tool.
#   linnet_unit_test(NAME SOURCES... [LIBS lib...])
#       a GoogleTest program under ASan and UBSan, registered with ctest, label `unit`.
#   linnet_fuzzer(NAME SOURCES... [LIBS lib...])
#       a libFuzzer program (clang only; skipped without it), and a ctest of label `fuzz` that runs it briefly.

set(LINNET_WARNINGS -Wall -Wextra -Wno-missing-field-initializers -Werror=return-type
    -Werror=unused-result -Werror=uninitialized)

# Kernel code: no SSE/x87 (system calls leave vector state alone), no red zone (interrupts run below
# the interrupted stack), position-independent (KASLR), frame pointers (backtraces in a panic).
set(LINNET_KERNEL_FLAGS ${LINNET_WARNINGS} -mgeneral-regs-only -mno-red-zone -fPIE -fvisibility=hidden
    -ffreestanding -fbuiltin -fno-stack-protector -fcf-protection=none -fno-omit-frame-pointer
    -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-delete-null-pointer-checks
    -ffunction-sections -fdata-sections -fno-plt -fno-common -U_FORTIFY_SOURCE -DLINNET_KERNEL=1
    -D_GLIBCXX_ATOMIC_WAIT_H=1) # <atomic> without futex waits, which would pull in libc's headers
set(LINNET_KERNEL_CXX_FLAGS -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit)

function(linnet_kernel_flags target debug)
  target_compile_options(${target} PRIVATE ${LINNET_KERNEL_FLAGS}
      $<$<COMPILE_LANGUAGE:CXX>:${LINNET_KERNEL_CXX_FLAGS}>)
  target_compile_definitions(${target} PRIVATE LINNET_DEBUG=${debug})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endfunction()

function(linnet_kernel_library name)
  cmake_parse_arguments(A "" "" "LIBS;LOCAL_OPTIONS" ${ARGN})
  set(variants ${name})
  if(LINNET_TESTS)
    list(APPEND variants ${name}-debug)
  endif()
  foreach(v ${variants})
    add_library(${v} OBJECT ${A_UNPARSED_ARGUMENTS})
    if(v STREQUAL name)
      linnet_kernel_flags(${v} 0)
    else()
      linnet_kernel_flags(${v} 1)
    endif()
    target_compile_options(${v} PRIVATE ${A_LOCAL_OPTIONS})
    set_property(GLOBAL APPEND PROPERTY LINNET_KERNEL_LIBRARIES_${v} ${v})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY LINNET_KERNEL_LIBRARIES ${name})
endfunction()

function(linnet_host_library name)
  cmake_parse_arguments(A "" "" "LIBS" ${ARGN})
  add_library(${name} STATIC ${A_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE ${LINNET_WARNINGS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_link_libraries(${name} PUBLIC ${A_LIBS})
endfunction()

function(linnet_unit_test name)
  cmake_parse_arguments(A "" "" "LIBS" ${ARGN})
  if(NOT LINNET_TESTS)
    return()
  endif()
  add_executable(${name} ${A_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE ${LINNET_WARNINGS} -g -O1 -fsanitize=address,undefined
      -fno-sanitize-recover=undefined)
  target_compile_definitions(${name} PRIVATE LINNET_DEBUG=1 LINNET_HOST_TEST=1)
  target_link_options(${name} PRIVATE -fsanitize=address,undefined)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_link_libraries(${name} PRIVATE ${A_LIBS} GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()

# Tests of the kernel's core on the host, over kernel/host: the whole of kernel, vfs and linux-abi as a static library, once
# for each set of sanitizers.
#   linnet_hosted_test(NAME SOURCES... [REAL_HEAP] [TSAN])
#       a GoogleTest program NAME under ASan and UBSan; TSAN: also NAME-tsan under ThreadSanitizer. REAL_HEAP: with
#       kernel/mm/heap.cc rather than malloc.
#   linnet_hosted_fuzzer(NAME SOURCES...)
set(LINNET_HOSTED_DEFINITIONS LINNET_DEBUG=1 LINNET_HOST_TEST=1 LINNET_HOSTED=1)
set(LINNET_HOSTED_ASAN -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined)
# GCC says at each fence that it does not see it. On the simulated machine fences have no work to do.
set(LINNET_HOSTED_TSAN -fsanitize=thread -Wno-tsan)
function(linnet_hosted_test name)
  cmake_parse_arguments(A "REAL_HEAP;TSAN" "" "" ${ARGN})
  if(NOT LINNET_TESTS)
    return()
  endif()
  set(kinds asan)
  if(A_TSAN)
    list(APPEND kinds tsan)
  endif()
  foreach(kind ${kinds})
    string(TOUPPER ${kind} upper)
    set(target ${name})
    if(kind STREQUAL tsan)
      set(target ${name}-tsan)
    endif()
    add_executable(${target} ${A_UNPARSED_ARGUMENTS})
    # As those of the library, whose precompiled headers it shares.
    target_compile_options(${target} PRIVATE ${LINNET_HOSTED_${upper}} ${LINNET_WARNINGS} -g -O1 -fno-strict-aliasing
        -fno-omit-frame-pointer -fno-delete-null-pointer-checks)
    target_precompile_headers(${target} REUSE_FROM kernel-host-${kind})
    target_compile_definitions(${target} PRIVATE ${LINNET_HOSTED_DEFINITIONS} HOST_${upper}=1)
    target_link_options(${target} PRIVATE ${LINNET_HOSTED_${upper}})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
    set(heap kernel-host-heap-${kind})
    if(A_REAL_HEAP)
      set(heap)
    endif()
    target_link_libraries(${target} PRIVATE kernel-host-${kind} ${heap} GTest::gtest GTest::gtest_main)
    if(A_REAL_HEAP)
      target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/kernel/mm/heap.cc)
    endif()
    add_test(NAME ${target} COMMAND ${target})
    set_tests_properties(${target} PROPERTIES LABELS unit TIMEOUT 900)
  endforeach()
endfunction()

find_program(LINNET_CLANGXX NAMES clang++-16 clang++-14 clang++)
# libFuzzer is a package of its own (libclang-rt-16-dev).
if(LINNET_CLANGXX)
  execute_process(COMMAND ${LINNET_CLANGXX} -fsanitize=fuzzer -print-file-name=libclang_rt.fuzzer-x86_64.a
      OUTPUT_VARIABLE LINNET_LIBFUZZER OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT EXISTS "${LINNET_LIBFUZZER}")
    execute_process(COMMAND ${LINNET_CLANGXX} -print-resource-dir OUTPUT_VARIABLE LINNET_LIBFUZZER
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    file(GLOB LINNET_LIBFUZZER "${LINNET_LIBFUZZER}/lib/*/libclang_rt.fuzzer*.a")
  endif()
  if(NOT LINNET_LIBFUZZER)
    message(STATUS "no libFuzzer for ${LINNET_CLANGXX}: the fuzzers are left out")
    set(LINNET_CLANGXX_FUZZ "")
  else()
    set(LINNET_CLANGXX_FUZZ ${LINNET_CLANGXX})
  endif()
endif()
function(linnet_fuzzer name)
  cmake_parse_arguments(A "" "" "LIBS" ${ARGN})
  if(NOT LINNET_TESTS OR NOT LINNET_CLANGXX_FUZZ)
    return()
  endif()
  set(sources)
  foreach(s ${A_UNPARSED_ARGUMENTS})
    get_filename_component(full ${s} ABSOLUTE)
    list(APPEND sources ${full})
  endforeach()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.fuzzer) # a target can not have its output's name
  add_custom_command(OUTPUT ${out}
      COMMAND ${LINNET_CLANGXX} -std=c++2b -g -O1 -fsanitize=fuzzer,address,undefined
              -fno-sanitize-recover=undefined -DLINNET_DEBUG=1 -DLINNET_HOST_TEST=1
              -I${PROJECT_SOURCE_DIR} -I${PROJECT_BINARY_DIR} ${sources} -o ${out} ${A_LIBS}
      DEPENDS ${sources} VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${out})
  add_test(NAME ${name} COMMAND ${out} -max_total_time=5 -rss_limit_mb=1024 -timeout=20)
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()

# A fuzzer over kernel/host: the sources of LINNET_HOSTED_SOURCES once more, by clang. Called in kernel/host only.
set(LINNET_HOSTED_CLANG -std=gnu++2b -w -g -O1 -fno-strict-aliasing -DLINNET_DEBUG=1 -DLINNET_HOST_TEST=1 -DLINNET_HOSTED=1
    -DHOST_ASAN=1 -I${PROJECT_SOURCE_DIR} -I${PROJECT_BINARY_DIR})
set(LINNET_HOSTED_FUZZ_FLAGS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr,function -fno-sanitize-recover=undefined)
# The host's headers, which take most of the time of nearly every source.
function(linnet_hosted_fuzz_headers)
  set(pch ${CMAKE_CURRENT_BINARY_DIR}/fuzz/host_headers.pch)
  set(header ${PROJECT_SOURCE_DIR}/linux-abi/host_headers.h)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fuzz)
  add_custom_command(OUTPUT ${pch}
      COMMAND ${LINNET_CLANGXX_FUZZ} ${LINNET_HOSTED_CLANG} ${LINNET_HOSTED_FUZZ_FLAGS} -x c++-header ${header} -o ${pch}
      DEPENDS ${header} VERBATIM)
endfunction()
function(linnet_hosted_objects out)
  set(pch ${CMAKE_CURRENT_BINARY_DIR}/fuzz/host_headers.pch)
  set(objects)
  foreach(s ${ARGN})
    get_filename_component(full ${s} ABSOLUTE)
    file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${full})
    string(REPLACE "/" "_" name ${name})
    set(object ${CMAKE_CURRENT_BINARY_DIR}/fuzz/${name}.o)
    set(how ${LINNET_HOSTED_FUZZ_FLAGS} -include-pch ${pch})
    if(full MATCHES "kernel/host/(machine|user_memory)\\.cc$")
      set(how)
    endif()
    add_custom_command(OUTPUT ${object}
        COMMAND ${LINNET_CLANGXX_FUZZ} ${LINNET_HOSTED_CLANG} ${how} -MD -MF ${object}.d -c ${full} -o ${object}
        DEPENDS ${full} ${pch} DEPFILE ${object}.d VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(${out} ${objects} PARENT_SCOPE)
endfunction()

function(linnet_hosted_fuzzer name)
  if(NOT LINNET_TESTS OR NOT LINNET_CLANGXX_FUZZ)
    return()
  endif()
  linnet_hosted_objects(objects ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.fuzzer)
  add_custom_command(OUTPUT ${out}
      COMMAND ${LINNET_CLANGXX_FUZZ} -g -fsanitize=fuzzer,address,undefined ${objects} ${LINNET_HOSTED_FUZZ_ARCHIVE} -o ${out}
      DEPENDS ${objects} ${LINNET_HOSTED_FUZZ_ARCHIVE} VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${out})
  add_test(NAME ${name} COMMAND ${out} -max_total_time=5 -rss_limit_mb=1024 -timeout=60)
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
