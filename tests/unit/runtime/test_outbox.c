#include "runtime/outbox.h"

#include "base/limits.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

static outbox_t *box;

static void
setup(void)
{
    box = outbox_new();
}

static void
teardown(void)
{
    outbox_destroy(&box);
}

TestSuite(outbox, .init = setup, .fini = teardown, .timeout = 60);

static void
add(uint64_t after, uint8_t mark)
{
    uint8_t *body = mem_alloc(8);
    memset(body, mark, 8);
    outbox_lane(box, after, 0, body, 8);
}

static void
alarm_after(uint64_t after, const char *text, uint64_t case_id)
{
    const struct alarm_facts facts = {
        .kind = "case_opened", .subject = "orders", .text = text, .case_id = case_id};
    outbox_alarm(box, after, &facts);
}

Test(outbox, nothing_leaves_before_what_it_depends_on_is_durable_and_all_in_order)
{
    for (uint8_t i = 1; i <= 200; i++) {
        add(i / 10, i);
    }
    uint8_t next = 1;
    for (uint64_t durable = 0; durable <= 20; durable++) {
        struct outbox_message *message = NULL;
        while ((message = outbox_next(box, durable)) != NULL) {
            cr_assert_leq(message->after, durable);
            cr_assert_eq(message->body[0], next++);
            outbox_pop(box);
        }
        cr_assert_eq(outbox_count(box), durable == 20 ? 0 : 200U - ((durable + 1) * 10 - 1));
    }
    cr_assert_eq(outbox_bytes(box), 0);
}

/* Where several syncs are under way answers wait for the last, and deliveries for an earlier one.
 */
Test(outbox, a_channel_waits_for_no_other)
{
    const struct outbox_route route = {.size = 1};
    outbox_front(box, 9, &route, mem_zeroed(1), 1);
    add(3, 1);
    outbox_front(box, 5, &route, mem_zeroed(1), 1);
    add(0, 2);
    cr_assert_eq(outbox_newest(box), 9);
    cr_assert_null(outbox_next(box, 2), "of its own channel none goes before another");
    for (uint8_t mark = 1; mark <= 2; mark++) {
        const struct outbox_message *message = outbox_next(box, 8);
        cr_assert_not_null(message);
        cr_assert_eq(message->channel, OUTBOX_LANE);
        cr_assert_eq(message->body[0], mark);
        outbox_pop(box);
        cr_assert_eq(outbox_left(box, OUTBOX_LANE), mark);
    }
    cr_assert_null(outbox_next(box, 8));
    cr_assert_eq(outbox_count(box), 2);
    cr_assert_eq(outbox_added(box, OUTBOX_FRONT), 2);
    cr_assert_eq(outbox_left(box, OUTBOX_FRONT), 0);
    add(9, 3);
    cr_assert_eq(outbox_next(box, 9)->channel, OUTBOX_FRONT, "answers come first");
    outbox_pop(box);
    cr_assert_eq(outbox_next(box, 9)->after, 5);
    outbox_pop(box);
    cr_assert_eq(outbox_next(box, 9)->body[0], 3);
    outbox_pop(box);
    cr_assert_eq(outbox_newest(box), 9, "it has waited for that");
    cr_assert_eq(outbox_left(box, OUTBOX_FRONT), 2);
}

/* A receiver is connected to its lane once its WELCOME has come. */
Test(outbox, what_is_added_to_lanes_behind_a_welcome_follows_it)
{
    const struct outbox_route route = {.size = 1};
    add(0, 1);
    outbox_front(box, 9, &route, mem_zeroed(1), 1);
    outbox_lanes_follow(box);
    outbox_front(box, 12, &route, mem_zeroed(1), 1);
    add(0, 2);
    cr_assert_eq(outbox_next(box, 5)->body[0], 1, "it was there before");
    outbox_pop(box);
    cr_assert_null(outbox_next(box, 5));
    cr_assert_eq(outbox_next(box, 9)->channel, OUTBOX_FRONT);
    outbox_pop(box);
    cr_assert_eq(outbox_next(box, 9)->body[0], 2, "for later answers it does not wait");
}

Test(outbox, an_alarm_waits_for_the_record_that_it_follows_from)
{
    alarm_after(7, "a case", 7);
    cr_assert_null(outbox_alarm_next(box, 6));
    const struct alarm_facts *facts = outbox_alarm_next(box, 7);
    cr_assert_not_null(facts);
    cr_assert_str_eq(facts->kind, "case_opened");
    cr_assert_eq(facts->case_id, 7);
    outbox_alarm_pop(box);
    cr_assert_null(outbox_alarm_next(box, 7));
}

Test(outbox, an_alarm_waits_for_no_message_and_for_no_alarm_that_waits_longer)
{
    add(9, 1);
    alarm_after(9, "later", 9);
    alarm_after(0, "at once", 0);
    alarm_after(8, "soon", 8);
    cr_assert_str_eq(outbox_alarm_next(box, 5)->text, "at once");
    outbox_alarm_pop(box);
    cr_assert_null(outbox_alarm_next(box, 5));
    cr_assert_str_eq(outbox_alarm_next(box, 8)->text, "soon");
    outbox_alarm_pop(box);
    cr_assert_str_eq(outbox_alarm_next(box, 9)->text, "later");
    cr_assert_eq(outbox_count(box), 1);
}

Test(outbox, the_texts_of_an_alarm_are_its_own_and_cut_where_they_are_too_long)
{
    char text[2 * WHY_TEXT_SIZE];
    char subject[2 * LIMIT_NAME_BYTES];
    memset(text, 't', sizeof text);
    memset(subject, 's', sizeof subject);
    text[sizeof text - 1] = '\0';
    subject[sizeof subject - 1] = '\0';
    const struct alarm_facts facts = {.kind = "k", .subject = subject, .text = text};
    outbox_alarm(box, 0, &facts);
    memset(text, 'x', sizeof text - 1);
    const struct alarm_facts *kept = outbox_alarm_next(box, 0);
    cr_assert_eq(strlen(kept->text), WHY_TEXT_SIZE - 1);
    cr_assert_eq(strlen(kept->subject), LIMIT_NAME_BYTES);
    cr_assert_eq(kept->text[0], 't');
}

/* What a full disk holds back is bounded by what the shell reads of this. */
Test(outbox, everything_that_waits_is_counted_in_bytes)
{
    add(1, 1);
    cr_assert_eq(outbox_bytes(box), 8);
    alarm_after(1, "a case", 1);
    size_t both = outbox_bytes(box);
    cr_assert_gt(both, 8 + sizeof(struct alarm_facts));
    cr_assert_not_null(outbox_alarm_next(box, 1));
    outbox_alarm_pop(box);
    cr_assert_eq(outbox_bytes(box), 8);
    cr_assert_not_null(outbox_next(box, 1));
    outbox_pop(box);
    cr_assert_eq(outbox_bytes(box), 0);
}
