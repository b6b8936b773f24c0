/*
 * Hashes (XXH3; github.com/Cyan4973/xxHash). Not cryptographic: they tell repeats from other
 * content and find damage; parties are authenticated otherwise.
 */
#ifndef HERALD_DELIVERY_CONTENT_HASH_H
#define HERALD_DELIVERY_CONTENT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENT_HASH_BYTES 16

struct content {
    const char *topic;
    size_t topic_size;
    uint64_t version;
    const uint8_t *payload;
    size_t payload_size;
};

/* XXH3-128, canonical (big-endian), of the payload, seeded by XXH3-64 of the topic, seeded by the
 * version. Equal exactly when topic, version and payload are, but for chance (2^-64). */
void content_hash(const struct content *content, uint8_t hash[CONTENT_HASH_BYTES]);

/* What XXH3 derives from a seed for payloads of more than 240 bytes, kept for the seeds of the last
 * few topics and versions. Zeroed at first; one thread. */
#define CONTENT_HASHER_SEEDS 64U
struct content_hasher {
    struct content_secret {
        bool known;
        uint64_t seed;
        uint8_t secret[192];
    } secrets[CONTENT_HASHER_SEEDS];
};

/* The same hash, for who hashes many. */
void content_hash_next(struct content_hasher *self, const struct content *content,
                       uint8_t hash[CONTENT_HASH_BYTES]);

/* XXH3-64, but for 0, which is nobody's: then 1. */
uint64_t content_hash_id(const char *biz_id, size_t size);

#endif
