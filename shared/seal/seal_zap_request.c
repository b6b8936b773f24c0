/*
 *   frame  what
 *   0      version       "1.0"
 *   1      request id    opaque
 *   2      domain        "herald.front"
 *   3      address       "192.0.2.7"
 *   4      identity      the routing id that the peer has set: not believed
 *   5      mechanism     "CURVE"
 *   6      credentials   the peer's public key, 32 bytes
 */
#include "seal/seal_zap_request.h"

#include "base/check.h"

#include <string.h>

static bool
is_text(const struct seal_zap_frame *frame, const char *text)
{
    return frame->size == strlen(text) && memcmp(frame->data, text, frame->size) == 0;
}

static void
copy_address(const struct seal_zap_frame *frame, char address[SEAL_ZAP_ADDRESS_BYTES])
{
    size_t size = frame->size < SEAL_ZAP_ADDRESS_BYTES ? frame->size : SEAL_ZAP_ADDRESS_BYTES - 1;
    for (size_t i = 0; i < size; i++) {
        char byte = ((const char *)frame->data)[i];
        address[i] = byte;
        if (byte < 0x21 || byte > 0x7e) {
            address[i] = '?';
        }
    }
    address[size] = '\0';
}

struct seal_judgement
seal_zap_judge(const seal_allow_t *allow, const struct seal_zap_frame *frames, size_t count)
{
    struct seal_judgement judgement = {.verdict = SEAL_MALFORMED, .domain = SEAL_DOMAIN_COUNT};
    if (count < SEAL_ZAP_FRAMES - 1 || !is_text(&frames[0], "1.0") || frames[1].size == 0) {
        return judgement;
    }
    judgement.domain = seal_domain_parse(frames[2].data, frames[2].size);
    copy_address(&frames[3], judgement.address);
    if (!is_text(&frames[5], "CURVE")) {
        judgement.verdict = SEAL_MECHANISM; /* NULL has no credentials, PLAIN two */
        return judgement;
    }
    if (count != SEAL_ZAP_FRAMES || frames[6].size != SEAL_KEY_BYTES) {
        return judgement;
    }
    judgement.key_id = seal_key_id(frames[6].data);
    judgement.allowed = seal_allow_find(allow, frames[6].data);
    if (judgement.domain == SEAL_DOMAIN_COUNT) {
        judgement.verdict = SEAL_DOMAIN;
    } else if (judgement.allowed == NULL) {
        judgement.verdict = SEAL_UNKNOWN_KEY;
    } else if (!seal_role_may_connect((enum seal_role)judgement.allowed->role, judgement.domain)) {
        judgement.verdict = SEAL_WRONG_ROLE;
    } else {
        judgement.verdict = SEAL_ADMITTED;
    }
    return judgement;
}

const char *
seal_verdict_name(enum seal_verdict verdict)
{
    static const char *const names[SEAL_VERDICT_COUNT] = {
        [SEAL_ADMITTED] = "admitted",       [SEAL_MALFORMED] = "malformed",
        [SEAL_MECHANISM] = "mechanism",     [SEAL_DOMAIN] = "unknown_domain",
        [SEAL_UNKNOWN_KEY] = "unknown_key", [SEAL_WRONG_ROLE] = "wrong_role",
    };
    CHECK(verdict < SEAL_VERDICT_COUNT);
    return names[verdict];
}
