/* Endpoints are refused by their texts, with what they must be; what libzmq binds passes. */
#include "wire/wire_endpoint.h"

#include <criterion/criterion.h>
#include <string.h>

struct text {
    const char *endpoint;
    err_t bind; /* of a socket that is not open */
    err_t connect;
};

Test(wire_endpoint, is_refused_for_what_no_socket_could_be_bound_or_connected_to)
{
    static const struct text texts[] = {
        {"tcp://127.0.0.1:1", ERR_OK, ERR_OK},
        {"tcp://[::1]:65535", ERR_OK, ERR_OK},
        {"tcp://producer:7101", ERR_OK, ERR_OK},
        {"tcp://*:7101", ERR_OK, ERR_INVALID},
        {"tcp://*:*", ERR_OK, ERR_INVALID},
        {"tcp://eth0:0", ERR_OK, ERR_INVALID},
        {"tcp://127.0.0.1:*", ERR_OK, ERR_INVALID},
        {"tcp://*.example:1", ERR_OK, ERR_OK}, /* no wildcard, though no name either */
        {"tcp://127.0.0.1:65536", ERR_INVALID, ERR_INVALID},
        {"tcp://127.0.0.1:123456", ERR_INVALID, ERR_INVALID},
        {"tcp://127.0.0.1:71x", ERR_INVALID, ERR_INVALID},
        {"tcp://127.0.0.1:", ERR_INVALID, ERR_INVALID},
        {"tcp://127.0.0.1", ERR_INVALID, ERR_INVALID},
        {"tcp://:7101", ERR_INVALID, ERR_INVALID},
        {"tcp://", ERR_INVALID, ERR_INVALID},
        {"ipc:///run/herald/front", ERR_OK, ERR_OK},
        {"ipc://", ERR_INVALID, ERR_INVALID},
        {"inproc://front", ERR_OK, ERR_OK},
        {"inproc://", ERR_INVALID, ERR_INVALID},
        {"udp://127.0.0.1:1", ERR_INVALID, ERR_INVALID},
        {"/run/herald/front", ERR_INVALID, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *endpoint = texts[i].endpoint;
        struct why why = {{0}};
        cr_expect_eq(wire_endpoint_check_bind(endpoint, false, &why), texts[i].bind, "%s: %s",
                     endpoint, why.text);
        cr_expect_eq(wire_endpoint_check_connect(endpoint, &why), texts[i].connect, "%s: %s",
                     endpoint, why.text);
        cr_expect(texts[i].connect == ERR_OK || strstr(why.text, endpoint) != NULL, "%s", why.text);
    }
    struct why why = {{0}};
    cr_assert_eq(wire_endpoint_check_connect("", &why), ERR_INVALID);
    cr_assert_eq(wire_endpoint_check_bind("", true, &why), ERR_OK, "nothing is to be bound");
}

Test(wire_endpoint, has_bounds_that_are_named)
{
    char longer[LIMIT_ENDPOINT_BYTES + 20] = "ipc://";
    struct why why = {{0}};
    memset(longer + 6, 'x', LIMIT_ENDPOINT_BYTES);
    cr_assert_eq(wire_endpoint_check_connect(longer, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "256 bytes"), "%s", why.text);
    cr_assert_eq(wire_endpoint_check_bind(longer, false, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "256 bytes"), "%s", why.text);
    longer[6 + WIRE_ENDPOINT_IPC_BYTES + 1] = '\0';
    cr_assert_eq(wire_endpoint_check_connect(longer, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "107 bytes"), "%s", why.text);
    longer[6 + WIRE_ENDPOINT_IPC_BYTES] = '\0';
    cr_assert_eq(wire_endpoint_check_connect(longer, &why), ERR_OK, "%s", why.text);
}

Test(wire_endpoint, of_a_list_each_counts_and_an_open_one_stays_on_this_machine)
{
    struct why why = {{0}};
    cr_assert_eq(wire_endpoint_check_bind(" ipc:///a  tcp://127.0.0.1:* ", true, &why), ERR_OK);
    cr_assert_eq(wire_endpoint_check_bind("ipc:///a tcp://*:7101", false, &why), ERR_OK);
    cr_assert_eq(wire_endpoint_check_bind("ipc:///a tcp://*:7101", true, &why), ERR_DENIED);
    cr_assert_not_null(strstr(why.text, "tcp://*:7101"), "%s", why.text);
    cr_assert_not_null(strstr(why.text, "curve/directory"), "%s", why.text);
    cr_assert_eq(wire_endpoint_check_bind("ipc:///a nonsense", true, &why), ERR_INVALID);

    const char *list = " ipc:///a  ipc:///b ";
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    cr_assert_eq(wire_endpoint_next(&list, endpoint, &why), ERR_OK);
    cr_assert_str_eq(endpoint, "ipc:///a");
    cr_assert_eq(wire_endpoint_next(&list, endpoint, &why), ERR_OK);
    cr_assert_str_eq(endpoint, "ipc:///b");
    cr_assert_eq(wire_endpoint_next(&list, endpoint, &why), ERR_NOT_FOUND);
}
