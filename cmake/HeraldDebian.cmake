# Debian packages with `cpack -G DEB`: one a service with its systemd unit and settings, the library,
# its -dev, and the tools. Configure with -DCMAKE_INSTALL_PREFIX=/usr: the units name /usr/bin.
set(herald_services producer retry-scheduler compensator order-consumer)
set(herald_units_installed OFF)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(herald_units_installed ON)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME herald)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "Herald <herald@localhost>")
set(CPACK_PACKAGE_VENDOR Herald)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)

# herald_package(COMPONENT NAME SECTION SUMMARY)
function(herald_package component name section summary)
    string(TOUPPER ${component} upper)
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name} PARENT_SCOPE)
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}" PARENT_SCOPE)
    install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
endfunction()

herald_package(producer herald-producer net
    "Best-effort notification: admits notifications and delivers them first")
herald_package(retry-scheduler herald-retry-scheduler net
    "Best-effort notification: tries again on a schedule")
herald_package(compensator herald-compensator net
    "Best-effort notification: compensation, cases and alarms")
herald_package(order-consumer herald-order-consumer net
    "Best-effort notification: the reference receiver, with an order database")
herald_package(tools herald-tools net
    "Best-effort notification: heraldctl, herald-journal and herald-bench")
herald_package(libherald libherald0 libs
    "Best-effort notification: library for providers and receivers")
herald_package(libherald-dev libherald-dev libdevel
    "Best-effort notification: headers of the library")
set(CPACK_DEBIAN_LIBHERALD-DEV_PACKAGE_DEPENDS "libherald0 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBHERALD_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_COMPONENTS_ALL ${herald_services} tools libherald libherald-dev)

if(herald_units_installed)
    foreach(service ${herald_services})
        set(control ${CMAKE_BINARY_DIR}/debian/${service})
        configure_file(${CMAKE_SOURCE_DIR}/deploy/debian/postinst.in ${control}/postinst @ONLY)
        configure_file(${CMAKE_SOURCE_DIR}/deploy/debian/prerm.in ${control}/prerm @ONLY)
        file(WRITE ${control}/conffiles "/etc/herald/${service}.zpl\n")
        configure_file(${CMAKE_SOURCE_DIR}/deploy/systemd/settings.zpl.in
            ${control}/${service}.zpl @ONLY)
        string(TOUPPER ${service} upper)
        set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA
            ${control}/postinst ${control}/prerm ${control}/conffiles)
        set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_STRICT_PERMISSION ON)
        set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "passwd, libc-bin")
        set(CPACK_DEBIAN_${upper}_PACKAGE_RECOMMENDS "herald-tools")
        install(FILES ${control}/${service}.zpl DESTINATION /etc/herald COMPONENT ${service})
        install(FILES ${CMAKE_SOURCE_DIR}/deploy/systemd/herald-${service}.service
            DESTINATION lib/systemd/system COMPONENT ${service})
        if(EXISTS ${CMAKE_SOURCE_DIR}/deploy/config/${service}.zpl)
            install(FILES ${CMAKE_SOURCE_DIR}/deploy/config/${service}.zpl
                DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/herald-${service}/examples
                RENAME tcp.zpl COMPONENT ${service})
        endif()
    endforeach()
endif()

include(CPack)
