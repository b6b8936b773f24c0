#include "seal/seal_zap_request.h"
#include "seal_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static struct seal_fixture fixture;
static seal_allow_t *allow;
static struct seal_zap_frame frames[SEAL_ZAP_FRAMES];

static void
begin(void)
{
    seal_fixture_open(&fixture);
    cr_assert_eq(seal_allow_open(&allow, seal_fixture_path(&fixture, "allowed.zpl"), NULL), ERR_OK);
    const struct seal_zap_frame good[SEAL_ZAP_FRAMES] = {
        {"1.0", 3},
        {"1", 1},
        {"herald.front", 12},
        {"192.0.2.7", 9},
        {"shop", 4},
        {"CURVE", 5},
        {seal_secret_public(fixture.submit), SEAL_KEY_BYTES},
    };
    memcpy(frames, good, sizeof frames);
}

static void
end(void)
{
    seal_allow_close(&allow);
    seal_fixture_close(&fixture);
}

TestSuite(seal_zap_request, .init = begin, .fini = end);

static enum seal_verdict
verdict(void)
{
    return seal_zap_judge(allow, frames, SEAL_ZAP_FRAMES).verdict;
}

Test(seal_zap_request, each_role_passes_its_own_domains_only)
{
    static const bool may[3][SEAL_DOMAIN_COUNT] = {
        /* front, lane, outcome, wake */
        {true, false, false, false}, /* submit */
        {true, true, true, false},   /* consume */
        {true, false, false, true},  /* service */
    };
    const seal_secret_t *keys[] = {fixture.submit, fixture.consume, fixture.service};
    for (int who = 0; who < 3; who++) {
        frames[6].data = seal_secret_public(keys[who]);
        for (int domain = 0; domain < SEAL_DOMAIN_COUNT; domain++) {
            const char *name = seal_domain_name((enum seal_domain)domain);
            frames[2] = (struct seal_zap_frame){name, strlen(name)};
            cr_assert_eq(verdict(), may[who][domain] ? SEAL_ADMITTED : SEAL_WRONG_ROLE,
                         "key %d at %s", who, name);
        }
    }
}

Test(seal_zap_request, a_flipped_bit_of_a_key_is_another_key)
{
    for (size_t bit = 0; bit < 8 * SEAL_KEY_BYTES; bit++) {
        uint8_t key[SEAL_KEY_BYTES];
        memcpy(key, seal_secret_public(fixture.submit), sizeof key);
        key[bit / 8] ^= (uint8_t)(1U << bit % 8);
        frames[6].data = key;
        cr_assert_eq(verdict(), SEAL_UNKNOWN_KEY, "bit %zu", bit);
    }
}

Test(seal_zap_request, anything_else_is_refused)
{
    static const struct {
        size_t frame;
        const char *text;
        enum seal_verdict verdict;
    } rows[] = {
        {0, "1.1", SEAL_MALFORMED},  {0, "", SEAL_MALFORMED},
        {1, "", SEAL_MALFORMED},     {2, "", SEAL_DOMAIN},
        {2, "herald", SEAL_DOMAIN},  {2, "herald.front2", SEAL_DOMAIN},
        {5, "NULL", SEAL_MECHANISM}, {5, "PLAIN", SEAL_MECHANISM},
        {5, "", SEAL_MECHANISM},     {5, "CURVE ", SEAL_MECHANISM},
        {6, "", SEAL_MALFORMED},     {6, "short", SEAL_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seal_zap_frame kept = frames[rows[i].frame];
        frames[rows[i].frame] = (struct seal_zap_frame){rows[i].text, strlen(rows[i].text)};
        cr_assert_eq(verdict(), rows[i].verdict, "%zu", i);
        frames[rows[i].frame] = kept;
    }
    cr_assert_eq(verdict(), SEAL_ADMITTED);
    for (size_t count = 0; count < 12; count++) {
        cr_assert_eq(seal_zap_judge(allow, frames, count).verdict == SEAL_ADMITTED,
                     count == SEAL_ZAP_FRAMES, "%zu frames", count);
    }
}

Test(seal_zap_request, an_address_is_printable_and_bounded)
{
    char address[200];
    memset(address, 'a', sizeof address);
    memcpy(address, "\n\"\x01 \xff", 5);
    frames[3] = (struct seal_zap_frame){address, sizeof address};
    struct seal_judgement judgement = seal_zap_judge(allow, frames, SEAL_ZAP_FRAMES);
    cr_assert_eq(strlen(judgement.address), SEAL_ZAP_ADDRESS_BYTES - 1);
    cr_assert_eq(strncmp(judgement.address, "?\"???aaa", 8), 0, "%s", judgement.address);
}
