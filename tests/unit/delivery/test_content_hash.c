#include "delivery/content_hash.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void
hash_of(const char *topic, uint64_t version, const char *payload, uint8_t hash[CONTENT_HASH_BYTES])
{
    struct content content = {
        .topic = topic,
        .topic_size = strlen(topic),
        .version = version,
        .payload = (const uint8_t *)payload,
        .payload_size = strlen(payload),
    };
    content_hash(&content, hash);
}

static void
assert_hash(const char *topic, uint64_t version, const char *payload, const char *wanted)
{
    uint8_t hash[CONTENT_HASH_BYTES];
    char text[2 * CONTENT_HASH_BYTES + 1];
    hash_of(topic, version, payload, hash);
    for (size_t i = 0; i < CONTENT_HASH_BYTES; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }
    cr_assert_str_eq(text, wanted, "%s %llu %s", topic, (unsigned long long)version, payload);
}

/* They stand in journals. XXH3-128 of the payload, seeded by XXH3-64 of the topic, seeded by the
 * version. */
Test(content_hash, hashes_are_the_published_ones)
{
    assert_hash("order.created", 0, "", "a9aec8ff2b6318fb1154a158b01a5b66");
    assert_hash("payment.succeeded", 2, "{\"order\":\"1001\"}", "9076b3fe5dd1b95a1686e7d68ec2c157");
    cr_assert_eq(content_hash_id("order-1001", 10), UINT64_C(0xaf6a59062821be5f));
}

Test(content_hash, each_of_topic_version_and_payload_counts)
{
    uint8_t base[CONTENT_HASH_BYTES];
    uint8_t other[CONTENT_HASH_BYTES];
    hash_of("a.b", 1, "payload", base);
    hash_of("a.b", 1, "payload", other);
    cr_assert_eq(memcmp(base, other, sizeof base), 0);
    hash_of("a.c", 1, "payload", other);
    cr_assert_neq(memcmp(base, other, sizeof base), 0);
    hash_of("a.b", 2, "payload", other);
    cr_assert_neq(memcmp(base, other, sizeof base), 0);
    hash_of("a.b", 1, "payloae", other);
    cr_assert_neq(memcmp(base, other, sizeof base), 0);
    hash_of("a.bp", 1, "ayload", other);
    cr_assert_neq(memcmp(base, other, sizeof base), 0, "what moves from payload to topic differs");
}

/* Whatever was hashed before, with more seeds than are kept. */
Test(content_hash, who_hashes_many_gets_the_same_hashes)
{
    static struct content_hasher hasher;
    static uint8_t payload[70000];
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 131 >> 3);
    }
    static const size_t sizes[] = {0,   1,   16,  17,   128,  129,  239,  240,  241,  242,
                                   256, 511, 512, 1023, 1024, 1025, 4096, 9000, 65536};
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t alone[CONTENT_HASH_BYTES];
        uint8_t next[CONTENT_HASH_BYTES];
        struct content content = {
            .topic = "order.paid",
            .topic_size = 10,
            .version = i % 7 == 0 ? i : i % 300,
            .payload = payload + i % 1000,
            .payload_size = sizes[(i / 3) % (sizeof sizes / sizeof sizes[0])],
        };
        content_hash(&content, alone);
        content_hash_next(&hasher, &content, next);
        cr_assert_eq(memcmp(alone, next, sizeof alone), 0, "%zu bytes, version %u",
                     content.payload_size, (unsigned)content.version);
    }
}
