#include "delivery/content_hash.h"

#include <string.h>
#include <xxhash.h>

void
content_hash(const struct content *content, uint8_t hash[CONTENT_HASH_BYTES])
{
    XXH64_hash_t seed = XXH3_64bits_withSeed(content->topic, content->topic_size, content->version);
    XXH128_hash_t sum = XXH3_128bits_withSeed(content->payload, content->payload_size, seed);
    XXH128_canonical_t form;
    XXH128_canonicalFromHash(&form, sum);
    memcpy(hash, form.digest, CONTENT_HASH_BYTES);
}

uint64_t
content_hash_id(const char *biz_id, size_t size)
{
    return XXH3_64bits(biz_id, size);
}
