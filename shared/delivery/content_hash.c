#include "delivery/content_hash.h"

#include <endian.h>
#include <string.h>
#include <xxhash.h>

/* Written as one: where it is read as one right behind that, the processor would wait for two
 * halves to leave for the cache, behind all that was written before. */
typedef uint64_t halves __attribute__((vector_size(CONTENT_HASH_BYTES)));

void
content_hash(const struct content *content, uint8_t hash[CONTENT_HASH_BYTES])
{
    XXH64_hash_t seed = XXH3_64bits_withSeed(content->topic, content->topic_size, content->version);
    XXH128_hash_t sum = XXH3_128bits_withSeed(content->payload, content->payload_size, seed);
    halves canonical = {htobe64(sum.high64), htobe64(sum.low64)}; /* as XXH128_canonicalFromHash */
    memcpy(hash, &canonical, sizeof canonical);
}

uint64_t
content_hash_id(const char *biz_id, size_t size)
{
    return XXH3_64bits(biz_id, size);
}
