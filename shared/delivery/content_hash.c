#include "delivery/content_hash.h"

#include <endian.h>
#include <string.h>
/* The library's header has all of it: what is used here is no part of the shared library's promise
 * from version to version. */
#define XXH_INLINE_ALL
#include <xxhash.h>

/* Written as one: where it is read as one right behind that, the processor would wait for two
 * halves to leave for the cache, behind all that was written before. */
typedef uint64_t halves __attribute__((vector_size(CONTENT_HASH_BYTES)));

static void
put(XXH128_hash_t sum, uint8_t hash[CONTENT_HASH_BYTES])
{
    halves canonical = {htobe64(sum.high64), htobe64(sum.low64)}; /* as XXH128_canonicalFromHash */
    memcpy(hash, &canonical, sizeof canonical);
}

static XXH64_hash_t
seed_of(const struct content *content)
{
    return XXH3_64bits_withSeed(content->topic, content->topic_size, content->version);
}

void
content_hash(const struct content *content, uint8_t hash[CONTENT_HASH_BYTES])
{
    put(XXH3_128bits_withSeed(content->payload, content->payload_size, seed_of(content)), hash);
}

/* Derived right before it is used, a secret is read in other pieces than it was written, and the
 * processor waits until all that was written before has left for the cache. */
void
content_hash_next(struct content_hasher *self, const struct content *content,
                  uint8_t hash[CONTENT_HASH_BYTES])
{
    uint64_t seed = seed_of(content);
    struct content_secret *known = &self->secrets[seed % CONTENT_HASHER_SEEDS];
    if (content->payload_size > XXH3_MIDSIZE_MAX && !(known->known && known->seed == seed)) {
        *known = (struct content_secret){.known = true, .seed = seed};
        XXH3_generateSecret_fromSeed(known->secret, seed);
    }
    put(XXH3_128bits_withSecretandSeed(content->payload, content->payload_size, known->secret,
                                       sizeof known->secret, seed),
        hash);
}

uint64_t
content_hash_id(const char *biz_id, size_t size)
{
    uint64_t hash = XXH3_64bits(biz_id, size);
    return hash == 0 ? 1 : hash;
}
