#include "seal/seal_key.h"

#include "base/check.h"
#include "base/mem.h"
#include "seal/seal_file.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <zmq.h>

static_assert(SEAL_KEY_BYTES == crypto_box_PUBLICKEYBYTES, "CURVE's keys are crypto_box's");
static_assert(SEAL_KEY_BYTES == crypto_box_SECRETKEYBYTES, "both of them");

struct seal_secret {
    uint8_t *bytes; /* owned; sodium_malloc */
    uint8_t public_key[SEAL_KEY_BYTES];
};

bool
seal_key_parse(const char *text, size_t size, uint8_t key[SEAL_KEY_BYTES])
{
    char copy[SEAL_KEY_TEXT + 1];
    if (size != SEAL_KEY_TEXT || memchr(text, '\0', size) != NULL) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    bool good = zmq_z85_decode(key, copy) != NULL;
    sodium_memzero(copy, sizeof copy);
    return good;
}

void
seal_key_print(const uint8_t key[SEAL_KEY_BYTES], char text[SEAL_KEY_TEXT + 1])
{
    CHECK(zmq_z85_encode(text, key, SEAL_KEY_BYTES) != NULL);
}

bool
seal_key_is_published(const uint8_t key[SEAL_KEY_BYTES])
{
    static const char *const published[] = {
        "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
        "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
        "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
    };
    bool found = false;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        uint8_t known[SEAL_KEY_BYTES];
        CHECK(seal_key_parse(published[i], SEAL_KEY_TEXT, known));
        found = sodium_memcmp(known, key, sizeof known) == 0 || found;
    }
    return found;
}

uint64_t
seal_key_id(const uint8_t key[SEAL_KEY_BYTES])
{
    uint8_t hash[crypto_generichash_BYTES];
    CHECK(crypto_generichash(hash, sizeof hash, key, SEAL_KEY_BYTES, NULL, 0) == 0);
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof id; i++) {
        id = id << 8 | hash[i];
    }
    return id;
}

static seal_secret_t *
secret_new(void)
{
    CHECK(sodium_init() >= 0);
    seal_secret_t *self = mem_zeroed(sizeof *self);
    self->bytes = sodium_malloc(SEAL_KEY_BYTES);
    CHECK(self->bytes != NULL);
    return self;
}

seal_secret_t *
seal_secret_new(void)
{
    seal_secret_t *self = secret_new();
    CHECK(crypto_box_keypair(self->public_key, self->bytes) == 0);
    return self;
}

void
seal_secret_close(seal_secret_t **self_p)
{
    seal_secret_t *self = *self_p;
    if (self != NULL) {
        sodium_free(self->bytes); /* wipes it */
        mem_free(self);
        *self_p = NULL;
    }
}

err_t
seal_secret_open(seal_secret_t **self_p, const char *path, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    seal_secret_t *self = secret_new();
    uint8_t *text = sodium_malloc(SEAL_KEY_TEXT + 2); /* a line's end, of either kind */
    CHECK(text != NULL);
    struct seal_content content = {.bytes = text, .room = SEAL_KEY_TEXT + 2};
    err_t rc = seal_file_read(path, SEAL_FILE_SECRET, &content, why);
    size_t size = content.size;
    while (rc == ERR_OK && size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
        size--;
    }
    if (rc == ERR_OK && !seal_key_parse((const char *)text, size, self->bytes)) {
        rc = why_set(why, ERR_INVALID, "%s: must be one line with a key of %d characters (Z85)",
                     path, SEAL_KEY_TEXT);
    }
    sodium_free(text);
    if (rc == ERR_OK && crypto_scalarmult_base(self->public_key, self->bytes) != 0) {
        rc = why_set(why, ERR_INVALID, "%s: not a key", path);
    }
    if (rc == ERR_OK &&
        (seal_key_is_published(self->bytes) || seal_key_is_published(self->public_key))) {
        rc = why_set(why, ERR_DENIED,
                     "%s: an example key of zmq_curve(7), which anybody knows; make one with "
                     "heraldctl keygen",
                     path);
    }
    if (rc != ERR_OK) {
        seal_secret_close(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

err_t
seal_secret_save(const seal_secret_t *self, const char *path, struct why *why)
{
    char *text = sodium_malloc(SEAL_KEY_TEXT + 1);
    CHECK(text != NULL);
    seal_key_print(self->bytes, text);
    text[SEAL_KEY_TEXT] = '\n';
    err_t rc = seal_file_make(path, SEAL_FILE_SECRET, text, SEAL_KEY_TEXT + 1, why);
    sodium_free(text);
    return rc;
}

const uint8_t *
seal_secret_bytes(const seal_secret_t *self)
{
    return self->bytes;
}

const uint8_t *
seal_secret_public(const seal_secret_t *self)
{
    return self->public_key;
}
