/*
 * An allow-list, a line feed before and after "%", and a request of ZAP: its frames, each with a
 * byte for its length. Nothing but a key that the list has, with the domain's role, is admitted;
 * a list that is taken is printed and read as the same.
 */
#include "fuzz.h"

#include "base/check.h"
#include "base/mem.h"
#include "seal/seal_zap_request.h"

#include <stdio.h>
#include <string.h>

#define FRAMES_MAX 12

/* The list again, from what was read of it. */
static void
check_same(const seal_allow_t *allow)
{
    char *text = mem_zeroed(SEAL_ALLOW_MAX * 256);
    size_t used = 0;
    for (size_t i = 0; i < seal_allow_count(allow); i++) {
        const struct seal_allowed *one = seal_allow_at(allow, i);
        char key[SEAL_KEY_TEXT + 1];
        char user_id[SEAL_USER_ID_BYTES + 1];
        bool first = true;
        for (size_t k = 0; k < i; k++) {
            first = first && strcmp(seal_allow_at(allow, k)->user, one->user) != 0;
        }
        CHECK(one->role > SEAL_NOBODY && one->role < SEAL_ROLE_COUNT);
        CHECK(seal_allow_find(allow, one->key) == one);
        seal_allow_print_user_id(one, user_id);
        CHECK(seal_allow_of_user_id(allow, user_id) == one);
        seal_key_print(one->key, key);
        used += (size_t)sprintf(text + used, "%s\n", one->user);
        if (first) {
            used += (size_t)sprintf(text + used, "    role = %s\n",
                                    seal_role_name((enum seal_role)one->role));
        }
        used += (size_t)sprintf(text + used, "    key = \"%s\"\n", key);
    }
    seal_allow_t *again = NULL;
    struct why why = {{0}};
    CHECK(seal_allow_parse(&again, "again", text, &why) == ERR_OK);
    CHECK(seal_allow_count(again) == seal_allow_count(allow));
    for (size_t i = 0; i < seal_allow_count(allow); i++) {
        CHECK(memcmp(seal_allow_at(again, i), seal_allow_at(allow, i),
                     sizeof(struct seal_allowed)) == 0);
    }
    seal_allow_close(&again);
    mem_free(text);
}

static void
check_request(const seal_allow_t *allow, const uint8_t *data, size_t size)
{
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
        return;
    }
    CHECK(count == SEAL_ZAP_FRAMES && frames[6].size == SEAL_KEY_BYTES);
    CHECK(frames[5].size == 5 && memcmp(frames[5].data, "CURVE", 5) == 0);
    const struct seal_allowed *allowed = seal_allow_find(allow, frames[6].data);
    CHECK(allowed != NULL && allowed == judgement.allowed);
    CHECK(seal_role_may_connect((enum seal_role)allowed->role, judgement.domain));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n%\n";
    size_t list_size = size;
    for (size_t i = 0; i + 3 <= size; i++) {
        if (memcmp(data + i, mark, 3) == 0) {
            list_size = i + 1;
            break;
        }
    }
    char *text = mem_zeroed(list_size + 1);
    if (list_size > 0) {
        memcpy(text, data, list_size);
    }
    seal_allow_t *allow = NULL;
    struct why why = {{0}};
    err_t rc = seal_allow_parse(&allow, "list", text, &why);
    mem_free(text);
    if (rc == ERR_OK) {
        check_same(allow);
        size_t behind = list_size + 2 < size ? list_size + 2 : size;
        check_request(allow, data + behind, size - behind);
    } else {
        CHECK(allow == NULL && strncmp(why.text, "list:", 5) == 0); /* says where */
    }
    seal_allow_close(&allow);
    return 0;
}
