# Compiler settings, the same for every target.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(HERALD_WERROR "Treat warnings as errors" OFF)
option(HERALD_TESTS "Build the tests" ON)
option(HERALD_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(HERALD_COVERAGE "Count which lines of modules and services are reached, for gcov" OFF)
set(HERALD_SANITIZE "" CACHE STRING "Sanitizers, as in address,undefined or thread")

# CHECK stays on in every build, and so do the asserts of the libraries' headers: CMake would add
# -DNDEBUG by itself.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config} "${CMAKE_C_FLAGS_${config}}")
endforeach()
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()

add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wcast-qual -Wcast-align -Wwrite-strings -Wundef -Wformat=2 -Wswitch-enum
    -Wvla -Wnull-dereference -fstack-protector-strong -fno-common)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(HERALD_WERROR)
    add_compile_options(-Werror)
endif()
if(HERALD_SANITIZE)
    # Of debug information a report needs the lines; the rest takes a sixth of the build's time.
    add_compile_options(-fsanitize=${HERALD_SANITIZE} -fno-omit-frame-pointer -g1)
    add_link_options(-fsanitize=${HERALD_SANITIZE})
    if(HERALD_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
else()
    add_compile_options($<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
endif()
if(HERALD_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "HERALD_FUZZ needs clang")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link -g)
endif()
add_link_options(-Wl,-z,relro,-z,now)
# What is installed is optimised as a whole: the encoders and decoders of wire/ and delivery/ are many
# small functions, called for every notification from other modules. Objects are complete without it
# too, so that the tests link as fast as ever.
set(HERALD_WHOLE_COMPILE "")
set(HERALD_WHOLE_LINK "")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT HERALD_SANITIZE)
    set(HERALD_WHOLE_COMPILE -flto -ffat-lto-objects)
    add_link_options(-fno-lto) # what follows on the command line counts
    set(HERALD_WHOLE_LINK -flto=auto -O3)
endif()
if(HERALD_COVERAGE) # of the tests' own code nobody asks
    list(APPEND HERALD_WHOLE_COMPILE --coverage)
    add_link_options(--coverage)
endif()
