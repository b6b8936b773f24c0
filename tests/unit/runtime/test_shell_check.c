/* What shell_check says of settings: the setting or file, and what it must be; nothing is bound. */
#include "seal_fixture.h"

#include "runtime/shell.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct shell_settings good = {
    .service = "producer",
    .front = "ipc:///nowhere/front tcp://127.0.0.1:7101",
    .outcome = "ipc:///nowhere/outcome",
    .wake = "ipc:///nowhere/wake",
    .lanes = "ipc:///nowhere/lane.%u",
    .lane_count = 16,
    .peers = {"ipc:///nowhere/scheduler.wake", "ipc:///nowhere/compensator.wake"},
    .peer_names = {"retry-scheduler", "compensator"},
    .curve = "",
};

static void
refuses(const struct shell_settings *settings, err_t expected, const char *where, const char *what)
{
    struct why why = {{0}};
    cr_assert_eq(shell_check(settings, &why), expected, "%s", why.text);
    cr_assert_not_null(strstr(why.text, where), "%s: %s", where, why.text);
    cr_assert_not_null(strstr(why.text, what), "%s: %s", what, why.text);
}

Test(shell_check, takes_what_can_be_opened_and_opens_nothing)
{
    struct why why = {{0}};
    struct shell_settings few = {.service = "order-consumer",
                                 .front = "tcp://127.0.0.1:*",
                                 .wake = "inproc://wake",
                                 .lane_count = 16};
    cr_assert_eq(shell_check(&good, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(access("/nowhere", F_OK), -1);
    cr_assert_eq(shell_check(&few, &why), ERR_OK, "neither lanes nor outcome nor peers");
}

Test(shell_check, names_the_setting_of_an_endpoint_that_is_none)
{
    struct shell_settings bad = good;
    bad.front = "ipc:///nowhere/front tcp://127.0.0.1";
    refuses(&bad, ERR_INVALID, "front/bind", "HOST:PORT");
    bad = good;
    bad.outcome = "nonsense";
    refuses(&bad, ERR_INVALID, "outcome/bind", "nonsense");
    bad = good;
    bad.wake = "tcp://127.0.0.1:99999";
    refuses(&bad, ERR_INVALID, "wake/bind", "65535");
    bad = good;
    bad.lanes = "tcp://127.0.0.1:%u%u";
    refuses(&bad, ERR_INVALID, "lanes/bind", "127.0.0.1:0%u");
    bad = good;
    bad.peers[1] = "tcp://*:7303";
    refuses(&bad, ERR_INVALID, "compensator", "tcp://*:7303");
}

Test(shell_check, several_lanes_need_several_endpoints)
{
    struct shell_settings lanes = good;
    struct why why = {{0}};
    lanes.lanes = "ipc:///nowhere/lane";
    refuses(&lanes, ERR_INVALID, "lanes/bind", "%u");
    lanes.lane_count = 1;
    cr_assert_eq(shell_check(&lanes, &why), ERR_OK, "%s", why.text);
    lanes.lane_count = 16;
    lanes.lanes = " ipc://*  tcp://127.0.0.1:* ";
    cr_assert_eq(shell_check(&lanes, &why), ERR_OK, "%s", why.text);
    lanes.insecure = true;
    lanes.lanes = "ipc://* tcp://*:17301"; /* a host * is no port * */
    refuses(&lanes, ERR_INVALID, "lanes/bind", "cannot share");
    char longer[LIMIT_ENDPOINT_BYTES + 20] = "tcp://127.0.0.1:%u";
    memset(longer + strlen(longer), '0', sizeof longer - 1 - strlen(longer));
    lanes.lanes = longer;
    refuses(&lanes, ERR_INVALID, "lanes/bind", "256 bytes");
}

Test(shell_check, an_address_beyond_this_machine_wants_keys_or_insecure)
{
    struct shell_settings open = good;
    struct why why = {{0}};
    open.lanes = "tcp://*:*";
    refuses(&open, ERR_DENIED, "lanes/bind", "curve/directory");
    open.insecure = true;
    cr_assert_eq(shell_check(&open, &why), ERR_OK, "%s", why.text);
}

Test(shell_check, keys_are_read_and_the_others_keys_must_be_there)
{
    struct seal_fixture fixture;
    struct why why = {{0}};
    seal_fixture_open(&fixture);
    struct shell_settings sealed = good;
    sealed.curve = fixture.directory;
    sealed.front = "tcp://*:7101";
    refuses(&sealed, ERR_NOT_FOUND, "curve/directory", "retry-scheduler");
    sealed.peer_names[0] = "producer"; /* the only one that the fixture knows */
    sealed.peers[1] = NULL;
    cr_assert_eq(shell_check(&sealed, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(unlink(seal_fixture_path(&fixture, "secret.key")), 0);
    refuses(&sealed, ERR_NOT_FOUND, "curve/directory", "secret.key");
    seal_fixture_close(&fixture);
}
