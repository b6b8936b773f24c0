#include "seal_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
seal_fixture_path(const struct seal_fixture *self, const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", self->directory, name);
    return path;
}

void
seal_fixture_write(const struct seal_fixture *self, const char *name, const char *text,
                   unsigned mode)
{
    const char *path = seal_fixture_path(self, name);
    (void)unlink(path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, mode), 0);
}

const char *
seal_fixture_entry(const char *user, const char *role, const seal_secret_t *secret, char text[256])
{
    char key[SEAL_KEY_TEXT + 1];
    seal_key_print(seal_secret_public(secret), key);
    (void)snprintf(text, 256, "%s\n    role = \"%s\"\n    key = \"%s\"\n", user, role, key);
    return text;
}

void
seal_fixture_open(struct seal_fixture *self)
{
    struct why why = {{0}};
    char text[1024];
    char one[256];
    memcpy(self->directory, "/tmp/herald-seal-XXXXXX", sizeof "/tmp/herald-seal-XXXXXX");
    cr_assert_not_null(mkdtemp(self->directory));
    self->server = seal_secret_new();
    self->submit = seal_secret_new();
    self->consume = seal_secret_new();
    self->service = seal_secret_new();
    self->stranger = seal_secret_new();
    cr_assert_eq(seal_secret_save(self->server, seal_fixture_path(self, "secret.key"), &why),
                 ERR_OK, "%s", why.text);
    char key[SEAL_KEY_TEXT + 1];
    seal_key_print(seal_secret_public(self->server), key);
    (void)snprintf(text, sizeof text, "producer\n    key = \"%s\"\n", key);
    seal_fixture_write(self, "servers.zpl", text, 0644);
    text[0] = '\0';
    strcat(text, seal_fixture_entry("shop", "submit", self->submit, one));
    strcat(text, seal_fixture_entry("orders", "consume", self->consume, one));
    strcat(text, seal_fixture_entry("producer", "service", self->service, one));
    seal_fixture_write(self, "allowed.zpl", text, 0644);
}

void
seal_fixture_close(struct seal_fixture *self)
{
    (void)unlink(seal_fixture_path(self, "secret.key"));
    (void)unlink(seal_fixture_path(self, "servers.zpl"));
    (void)unlink(seal_fixture_path(self, "allowed.zpl"));
    (void)unlink(seal_fixture_path(self, "link.key"));
    (void)rmdir(self->directory);
    seal_secret_close(&self->server);
    seal_secret_close(&self->submit);
    seal_secret_close(&self->consume);
    seal_secret_close(&self->service);
    seal_secret_close(&self->stranger);
}
