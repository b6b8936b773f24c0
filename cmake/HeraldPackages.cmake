# Libraries, all from Debian. msgpack-c has another name in bookworm (msgpack) than in trixie
# (msgpack-c).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(CZMQ REQUIRED IMPORTED_TARGET libczmq)
pkg_search_module(MSGPACK REQUIRED IMPORTED_TARGET msgpack-c msgpack)
# Trixie's msgpack-c.pc names a directory "include", relative to nothing, which CMake refuses.
get_target_property(msgpack_directories PkgConfig::MSGPACK INTERFACE_INCLUDE_DIRECTORIES)
if(msgpack_directories)
    list(FILTER msgpack_directories INCLUDE REGEX "^/")
    set_target_properties(PkgConfig::MSGPACK PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${msgpack_directories}")
endif()
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq>=14)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
if(HERALD_TESTS)
    pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion)
endif()
