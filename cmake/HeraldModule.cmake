# herald_module(NAME SOURCES ... LINK ...)   a static library herald_NAME, included as "NAME/x.h"
# herald_program(NAME SOURCES ... LINK ...)  an installed program
# herald_unit_tests(MODULE FILES ... LINK ...)  one Criterion program a test_*.c
include(CMakeParseArguments)

function(herald_module name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
    add_library(herald_${name} STATIC ${arg_SOURCES})
    target_include_directories(herald_${name} PUBLIC ${CMAKE_SOURCE_DIR}/shared)
    target_link_libraries(herald_${name} PUBLIC ${arg_LINK})
endfunction()

function(herald_program name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_options(${name} PRIVATE ${HERALD_WHOLE_LINK})
    target_link_libraries(${name} PRIVATE ${arg_LINK})
    # A service is a package of its own; the tools share one.
    string(REGEX REPLACE "^herald-" "" component ${name})
    if(NOT component MATCHES "^(producer|retry-scheduler|compensator|order-consumer)$")
        set(component tools)
    endif()
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component})
endfunction()

function(herald_unit_tests module)
    cmake_parse_arguments(arg "" "" "FILES;LINK" ${ARGN})
    foreach(file ${arg_FILES})
        get_filename_component(base ${file} NAME_WE)
        set(name unit_${module}_${base})
        add_executable(${name} ${file})
        target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
        target_link_libraries(${name} PRIVATE ${arg_LINK} PkgConfig::CRITERION)
        if(HERALD_SANITIZE)
            # What is tested is optimised as ever. The tests with their macros, instrumented, would
            # take most of the build's time, and nothing would be seen better.
            target_compile_options(${name} PRIVATE -O0)
        endif()
        add_test(NAME ${name} COMMAND ${name} -j1)
        # Criterion passes a test that only leaks, so the report's text fails it. A warning of
        # AddressSanitizer does not: with allocator_may_return_null it tells of a refused malloc.
        set_tests_properties(${name} PROPERTIES
            LABELS unit TIMEOUT 300 RUN_SERIAL FALSE
            FAIL_REGULAR_EXPRESSION "ERROR: (Leak|Address)Sanitizer;runtime error:")
    endforeach()
endfunction()
