#include "wire/wire_deliver.h"
#include "wire/wire_in.h"
#include "wire/wire_out.h"
#include "wire/wire_query.h"
#include "wire/wire_session.h"
#include "wire/wire_submit.h"

#include "base/limits.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(wire_words, every_state_custodian_and_outcome_has_a_name_and_nothing_else_has)
{
    cr_assert_str_eq(wire_state_name(1), "DONE");
    cr_assert_str_eq(wire_state_name(99), "?");
    cr_assert_str_eq(wire_custodian_name(2), "compensator");
    cr_assert_str_eq(wire_custodian_name(3), "?");
    cr_assert_str_eq(wire_outcome_name(20), "LOST");
    cr_assert_str_eq(wire_outcome_name(0), "?");
    cr_assert_str_eq(wire_outcome_name(10), "?");
    cr_assert_str_eq(wire_outcome_name(21), "?");
    cr_assert_str_eq(wire_outcome_name(33), "DONE");
}

/* A field's name that fills the sentence leaves no room for more of it. */
Test(wire_words, a_fault_is_said_once_and_within_its_room)
{
    char field[WHY_TEXT_SIZE + 10];
    memset(field, 'f', sizeof field - 1);
    field[sizeof field - 1] = '\0';
    struct wire_in in;
    wire_in_init(&in, "", 0);
    wire_in_fault(&in, field, "is wrong");
    wire_in_fault(&in, "another", "is wrong too");
    struct why why = {{0}};
    cr_assert_neq(wire_in_end(&in, &why), ERR_OK);
    cr_assert_eq(strlen(why.text), WHY_TEXT_SIZE - 1);
    cr_assert(strstr(why.text, "wrong") == NULL);
}

Test(wire_words, arrays_of_every_width_come_back)
{
    static const uint32_t counts[] = {0, 15, 16, 65535, 65536};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct wire_out out;
        wire_out_init(&out, 1);
        wire_out_array(&out, counts[i]);
        for (uint32_t k = 0; k < counts[i]; k++) {
            wire_out_nil(&out);
        }
        struct wire_in in;
        wire_in_init(&in, out.data, out.size);
        cr_assert_eq(wire_in_array(&in, "array", counts[i], counts[i]), counts[i]);
        wire_out_fini(&out);
    }
}

Test(wire_words, a_string_that_is_not_there_is_nil)
{
    struct wire_out out;
    wire_out_init(&out, 1);
    wire_out_string(&out, NULL);
    wire_out_string(&out, "there");
    struct wire_in in;
    wire_in_init(&in, out.data, out.size);
    cr_assert(wire_in_nil(&in));
    cr_assert_eq(wire_in_text(&in, "text", 1, 10).size, 5);
    cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
    wire_out_fini(&out);
}

/* U+D7FF is the last before the surrogates, U+D800 the first of them. */
Test(wire_words, texts_hold_no_surrogates)
{
    cr_assert_eq(wire_in_utf8_prefix("\xed\x9f\xbf", 3), 3);
    cr_assert_eq(wire_in_utf8_prefix("\xed\xa0\x80", 3), 0);
}

Test(wire_words, a_value_that_is_passed_over_must_be_whole)
{
    static const uint8_t cut[] = {0x92, 0x01};
    struct wire_in in;
    wire_in_init(&in, cut, sizeof cut);
    cr_assert_eq(wire_in_skip(&in, "later").size, 0);
    cr_assert(in.failed);
    cr_assert_eq(wire_in_skip(&in, "later").size, 0);
}

Test(wire_words, a_notification_over_its_limit_is_refused_with_it)
{
    size_t size = LIMIT_NOTIFICATION_BYTES + 1;
    uint8_t *bytes = mem_zeroed(size);
    struct wire_notification notification;
    struct why why = {{0}};
    cr_assert_neq(wire_notification_decode(bytes, size, &notification, &why), ERR_OK);
    cr_assert(strstr(why.text, "at most") != NULL);
    mem_free(bytes);
}

Test(wire_words, an_endpoint_keeps_its_key)
{
    static const uint8_t key[WIRE_KEY_BYTES] = {1, 2, 3};
    struct wire_welcome welcome = {
        .service = {.data = "producer", .size = 8},
        .endpoint_count = 2,
    };
    welcome.endpoints[0].name = (struct wire_text){.data = "lane", .size = 4};
    welcome.endpoints[0].endpoint = (struct wire_text){.data = "tcp://x:1", .size = 9};
    welcome.endpoints[0].key = (struct wire_bytes){.data = key, .size = sizeof key};
    welcome.endpoints[1].name = (struct wire_text){.data = "outcome", .size = 7};
    welcome.endpoints[1].endpoint = (struct wire_text){.data = "tcp://x:2", .size = 9};
    struct wire_out out;
    wire_out_init(&out, 1);
    wire_welcome_encode(&out, 7, &welcome);
    struct wire_in in;
    struct wire_head head;
    struct wire_welcome read;
    cr_assert_eq(wire_message_open(&in, out.data, out.size, &head, NULL), ERR_OK);
    cr_assert_eq(wire_welcome_decode(&in, &head, &read, NULL), ERR_OK);
    cr_assert_eq(read.endpoints[0].key.size, WIRE_KEY_BYTES);
    cr_assert_eq(memcmp(read.endpoints[0].key.data, key, WIRE_KEY_BYTES), 0);
    cr_assert_eq(read.endpoints[1].key.size, 0);
    wire_out_fini(&out);
}
