/*
 * Any request of ZAP, its frames each with a byte for its length, against a list with a key of each
 * role. Nothing but a key that the list has, with the domain's role, is admitted.
 */
#include "fuzz.h"

#include "base/check.h"
#include "seal/seal_zap_request.h"

#include <string.h>

#define FRAMES_MAX 12

static const char list[] = "shop\n"
                           "    role = submit\n"
                           "    key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIE\"\n"
                           "till\n"
                           "    role = consume\n"
                           "    key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIF\"\n"
                           "ann\n"
                           "    role = operate\n"
                           "    key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIG\"\n"
                           "scheduler\n"
                           "    role = service\n"
                           "    key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIH\"\n";

static seal_allow_t *
the_list(void)
{
    static seal_allow_t *allow;
    if (allow == NULL) {
        char text[sizeof list];
        struct why why = {{0}};
        memcpy(text, list, sizeof list);
        CHECK(seal_allow_parse(&allow, "list", text, &why) == ERR_OK);
    }
    return allow;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const seal_allow_t *allow = the_list();
    struct seal_zap_frame frames[FRAMES_MAX];
    size_t count = 0;
    while (size > 0 && count < FRAMES_MAX) {
        size_t length = data[0] < size - 1 ? data[0] : size - 1;
        frames[count++] = (struct seal_zap_frame){data + 1, length};
        data += 1 + length;
        size -= 1 + length;
    }
    struct seal_judgement judgement = seal_zap_judge(allow, frames, count);
    CHECK(judgement.verdict < SEAL_VERDICT_COUNT);
    CHECK(memchr(judgement.address, '\0', sizeof judgement.address) != NULL);
    if (judgement.verdict != SEAL_ADMITTED) {
        return 0;
    }
    CHECK(count == SEAL_ZAP_FRAMES && frames[6].size == SEAL_KEY_BYTES);
    CHECK(frames[5].size == 5 && memcmp(frames[5].data, "CURVE", 5) == 0);
    const struct seal_allowed *allowed = seal_allow_find(allow, frames[6].data);
    CHECK(allowed != NULL && allowed == judgement.allowed);
    CHECK(seal_role_may_connect((enum seal_role)allowed->role, judgement.domain));
    return 0;
}
