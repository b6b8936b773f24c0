#include "seal_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

static struct seal_fixture fixture;

static void
begin(void)
{
    seal_fixture_open(&fixture);
}

static void
end(void)
{
    seal_fixture_close(&fixture);
}

TestSuite(seal_key, .init = begin, .fini = end);

static void
assert_refused(const char *name, err_t wanted, const char *reason)
{
    seal_secret_t *secret = NULL;
    struct why why = {{0}};
    const char *path = seal_fixture_path(&fixture, name);
    cr_assert_eq(seal_secret_open(&secret, path, &why), wanted, "%s: %s", name, why.text);
    cr_assert_null(secret);
    cr_assert_not_null(strstr(why.text, path), "names the file: %s", why.text);
    cr_assert_not_null(strstr(why.text, reason), "names the reason: %s", why.text);
}

Test(seal_key, is_read_as_it_was_written_and_libzmq_agrees_about_its_public_half)
{
    seal_secret_t *secret = NULL;
    struct why why = {{0}};
    cr_assert_eq(seal_secret_open(&secret, seal_fixture_path(&fixture, "secret.key"), &why), ERR_OK,
                 "%s", why.text);
    cr_assert_eq(memcmp(seal_secret_bytes(secret), seal_secret_bytes(fixture.server), 32), 0);
    char text[SEAL_KEY_TEXT + 1];
    char public_text[SEAL_KEY_TEXT + 1];
    char derived[SEAL_KEY_TEXT + 1];
    seal_key_print(seal_secret_bytes(secret), text);
    seal_key_print(seal_secret_public(secret), public_text);
    cr_assert_eq(zmq_curve_public(derived, text), 0);
    cr_assert_str_eq(derived, public_text);
    seal_secret_close(&secret);
}

Test(seal_key, is_never_overwritten)
{
    struct why why = {{0}};
    const char *path = seal_fixture_path(&fixture, "secret.key");
    cr_assert_eq(seal_secret_save(fixture.stranger, path, &why), ERR_CONFLICT);
    seal_secret_t *secret = NULL;
    cr_assert_eq(seal_secret_open(&secret, path, &why), ERR_OK);
    cr_assert_eq(memcmp(seal_secret_bytes(secret), seal_secret_bytes(fixture.server), 32), 0);
    seal_secret_close(&secret);
}

Test(seal_key, is_made_although_a_start_that_was_cut_off_has_left_a_draft)
{
    char draft[64];
    struct why why = {{0}};
    (void)snprintf(draft, sizeof draft, "link.key.%ld.new", (long)getpid()); /* fits */
    seal_fixture_write(&fixture, draft, "half of a k", 0400);
    cr_assert_eq(seal_secret_save(fixture.stranger, seal_fixture_path(&fixture, "link.key"), &why),
                 ERR_OK, "%s", why.text);
    (void)unlink(seal_fixture_path(&fixture, draft));
    seal_secret_t *secret = NULL;
    cr_assert_eq(seal_secret_open(&secret, seal_fixture_path(&fixture, "link.key"), &why), ERR_OK);
    cr_assert_eq(memcmp(seal_secret_bytes(secret), seal_secret_bytes(fixture.stranger), 32), 0);
    seal_secret_close(&secret);
}

Test(seal_key, file_that_others_could_have_read_is_refused)
{
    static const unsigned modes[] = {0600, 0440, 0404, 0644, 0500, 0000, 04400};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (modes[i] == 0 && geteuid() != 0) {
            continue; /* cannot even be opened then */
        }
        cr_assert_eq(chmod(seal_fixture_path(&fixture, "secret.key"), modes[i]), 0);
        assert_refused("secret.key", ERR_DENIED, "must have 0400");
    }
}

Test(seal_key, file_of_another_user_is_refused)
{
    if (geteuid() != 0) {
        cr_skip_test("only root can give a file away");
    }
    cr_assert_eq(chown(seal_fixture_path(&fixture, "secret.key"), 12345, 12345), 0);
    assert_refused("secret.key", ERR_DENIED, "belongs to user 12345");
}

Test(seal_key, link_is_not_followed)
{
    char target[128];
    (void)strcpy(target, seal_fixture_path(&fixture, "secret.key"));
    cr_assert_eq(symlink(target, seal_fixture_path(&fixture, "link.key")), 0);
    assert_refused("link.key", ERR_DENIED, "symbolic link");
}

Test(seal_key, that_is_missing_or_malformed_is_refused_and_not_shown)
{
    assert_refused("nothing.key", ERR_NOT_FOUND, "No such file");
    assert_refused("", ERR_DENIED, "not a regular file");
    static const char *const texts[] = {"",
                                        "\n",
                                        "short\n",
                                        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7x",
                                        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf \n",
                                        "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
                                        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7 and more\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct why why = {{0}};
        seal_secret_t *secret = NULL;
        seal_fixture_write(&fixture, "secret.key", texts[i], 0400);
        cr_assert_eq(seal_secret_open(&secret, seal_fixture_path(&fixture, "secret.key"), &why),
                     ERR_INVALID, "%zu: %s", i, why.text);
        cr_assert_null(strstr(why.text, "rq:rM"), "%s", why.text);
    }
}

Test(seal_key, published_in_the_manual_is_refused)
{
    static const char *const published[] = {"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\n",
                                            "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\n"};
    for (size_t i = 0; i < 2; i++) {
        seal_fixture_write(&fixture, "secret.key", published[i], 0400);
        assert_refused("secret.key", ERR_DENIED, "zmq_curve(7)");
    }
}

Test(seal_key, directory_without_servers_is_refused_by_name)
{
    seal_keys_t *keys = NULL;
    struct why why = {{0}};
    cr_assert_eq(seal_keys_open(&keys, fixture.directory, SEAL_SECRET_FILE, &why), ERR_OK);
    cr_assert_not_null(seal_keys_server(keys, "producer"));
    cr_assert_null(seal_keys_server(keys, "compensator"));
    seal_keys_close(&keys);
    seal_fixture_write(&fixture, "servers.zpl", "producer\n    key = \"short\"\n", 0644);
    cr_assert_eq(seal_keys_open(&keys, fixture.directory, SEAL_SECRET_FILE, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "servers.zpl:2"), "%s", why.text);
    seal_fixture_write(&fixture, "servers.zpl", "", 0666);
    cr_assert_eq(seal_keys_open(&keys, fixture.directory, SEAL_SECRET_FILE, &why), ERR_DENIED);
    cr_assert_not_null(strstr(why.text, "may change it"), "%s", why.text);
    (void)unlink(seal_fixture_path(&fixture, "servers.zpl"));
    cr_assert_eq(seal_keys_open(&keys, fixture.directory, SEAL_SECRET_FILE, &why), ERR_NOT_FOUND);
}

Test(seal_key, want_of_descriptors_is_told_from_want_of_permission)
{
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_refused("secret.key", ERR_FULL, "Too many open files");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
