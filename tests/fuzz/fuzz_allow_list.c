/* Any allow-list: refused with the line, or taken; what is taken is printed and read as the same.
 */
#include "fuzz.h"

#include "base/check.h"
#include "base/mem.h"
#include "seal/seal_allow.h"

#include <stdio.h>
#include <string.h>

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_zeroed(size + 1);
    if (size > 0) {
        memcpy(text, data, size);
    }
    seal_allow_t *allow = NULL;
    struct why why = {{0}};
    err_t rc = seal_allow_parse(&allow, "list", text, &why);
    mem_free(text);
    if (rc == ERR_OK) {
        check_same(allow);
    } else {
        CHECK(allow == NULL && strncmp(why.text, "list:", 5) == 0); /* says where */
    }
    seal_allow_close(&allow);
    return 0;
}
