/* The configured subscriptions against those that the log knows. */
#include "producer_fixture.h"

#include "delivery/record_codec.h"

#include <stdio.h>
#include <string.h>

static char long_name[LIMIT_NAME_BYTES + 2];
static char long_text[2048];

static struct fixture *
begin(size_t subscriptions)
{
    memset(long_name, 'n', sizeof long_name - 1);
    memset(long_text, 'p', sizeof long_text - 1);
    return fixture_open(subscriptions);
}

static err_t
configure(struct fixture *self, struct why *why)
{
    return producer_core_configure(self->core, self->subscriptions, self->subscription_count, why);
}

Test(producer_configure, what_cannot_be_a_subscription_is_refused_by_name_and_changes_nothing)
{
    struct fixture *self = begin(2);
    const struct producer_subscription_settings good = {
        "new", "order.*", "shop", "default", COMPENSATION_REAPPLY, 3000, 60000};
    struct producer_subscription_settings bad[8];
    for (size_t i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].name = "";
    bad[1].name = long_name;
    bad[2].group = "";
    bad[3].group = long_name;
    bad[4].pattern = long_text;
    bad[5].policy = long_text;
    bad[6].pattern = "order..paid";
    bad[7].policy = "now and then";
    uint32_t records = fixture_count(self, RECORD_SUBSCRIPTION);
    for (size_t i = 0; i < 8; i++) {
        struct why why = {{0}};
        self->subscriptions[1] = bad[i];
        cr_assert_eq(producer_core_check(&bad[i], &why), ERR_INVALID, "number %zu", i);
        cr_assert_eq(configure(self, &why), ERR_INVALID, "number %zu", i);
        cr_assert_eq(strncmp(why.text, "subscriptions/", 14), 0, "%s", why.text);
    }
    fixture_step(self);
    cr_assert_eq(fixture_count(self, RECORD_SUBSCRIPTION), records);
    self->subscriptions[1] = good;
    cr_assert_eq(producer_core_check(&good, NULL), ERR_OK);
    cr_assert_eq(configure(self, NULL), ERR_OK);
    fixture_close(self);
}

Test(producer_configure, each_setting_that_changes_is_put_on_record_once)
{
    struct fixture *self = begin(1);
    struct producer_subscription_settings *orders = &self->subscriptions[0];
    uint32_t records = fixture_count(self, RECORD_SUBSCRIPTION);
    for (int i = 0; i < 7; i++) {
        switch (i) {
        case 0:
            orders->compensation = COMPENSATION_REAPPLY + 1;
            break;
        case 1:
            orders->lease_ms = 4000;
            break;
        case 2:
            orders->lease_limit_ms = 70000;
            break;
        case 3:
            orders->pattern = "order.paid";
            break;
        case 4:
            orders->policy = "1s";
            break;
        case 5:
            self->subscription_count = 0; /* retired */
            break;
        default:
            self->subscription_count = 1; /* and back */
            break;
        }
        for (int again = 0; again < 2; again++) {
            cr_assert_eq(configure(self, NULL), ERR_OK);
            fixture_step(self);
            cr_assert_eq(fixture_count(self, RECORD_SUBSCRIPTION), records + 1, "change %d", i);
        }
        records++;
        fixture_restart(self);
        cr_assert_eq(fixture_count(self, RECORD_SUBSCRIPTION), records, "change %d", i);
    }
    fixture_close(self);
}

Test(producer_configure, there_are_so_many_subscriptions_over_a_journals_life)
{
    struct fixture *self = begin(1);
    struct producer_subscription_settings *one = &self->subscriptions[0];
    struct why why = {{0}};
    for (int i = 1; i <= LIMIT_SUBSCRIPTIONS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%d", i); /* fits */
        one->name = name;
        /* "orders" was the first; each retires the one before. */
        cr_assert_eq(configure(self, &why), i < LIMIT_SUBSCRIPTIONS ? ERR_OK : ERR_INVALID);
    }
    cr_assert_not_null(strstr(why.text, "at most 64"), "%s", why.text);
    fixture_close(self);
}

Test(producer_configure, there_are_so_many_groups_over_a_journals_life)
{
    struct fixture *self = begin(1);
    struct why why = {{0}};
    for (int i = 1; i < LIMIT_GROUPS; i++) {
        char name[16];
        uint8_t body[RECORD_GROUP_MAX];
        (void)snprintf(name, sizeof name, "g%d", i); /* fits */
        const struct record_group group = {.name = {.data = name, .size = strlen(name)}};
        (void)fixture_record(peers_own(self->peers), RECORD_GROUP, body,
                             record_group_encode(&group, body));
    }
    fixture_restart(self);
    self->subscriptions[1].group = "one more";
    self->subscription_count = 2;
    cr_assert_eq(configure(self, &why), ERR_FULL, "%s", why.text);
    fixture_close(self);
}

/* Subscription 1 is retired: its queue is not there after a restart. Everything that walks over the
 * queues walks on to the second. */
Test(producer_configure, a_retired_subscription_leaves_a_gap_that_nobody_falls_into)
{
    struct fixture *self = begin(2);
    self->settings.checkpoint_records = 50;
    self->settings.retention_ms = 1000;
    self->subscriptions[0] = self->subscriptions[1];
    self->subscription_count = 1;
    fixture_restart(self);
    fixture_restart(self);
    cr_assert_null(self->core->queues[1]);
    for (int i = 0; i < 60; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "n%d", i); /* fits */
        struct wire_notification notification = {.topic = {"order.paid", 10},
                                                 .biz_id = {biz_id, strlen(biz_id)},
                                                 .deadline_unix_ms = self->now_unix_ms + 3600000};
        fixture_join(self, "audit", 1);
        cr_assert_eq(fixture_submit_full(self, &notification).status, WIRE_ACCEPTED);
        if (i % 2 == 0) {
            fixture_outcome(self, self->delivery_count - 1, OUTCOME_DONE, 0);
        }
        fixture_advance(self, 200);
    }
    cr_assert_geq(fixture_counter(self, "checkpoints"), 1);
    uint64_t open = fixture_counter(self, "open");
    fixture_restart(self);
    cr_assert_null(self->core->queues[1]);
    cr_assert_eq(fixture_counter(self, "open"), open);
    fixture_advance(self, 6000); /* what may go is looked at */
    fixture_close(self);
}

/* Ids that a salvaged log has lost are passed over when a topic is looked up. */
Test(producer_configure, an_id_that_no_record_names_matches_nothing)
{
    struct fixture *self = begin(1);
    const struct record_subscription fifth = {
        .id = 5,
        .active = true,
        .compensation = COMPENSATION_REAPPLY,
        .lease_ms = 3000,
        .lease_limit_ms = 60000,
        .name = {.data = "audit", .size = 5},
        .pattern = {.data = "order.paid", .size = 10},
        .group = {.data = "audit", .size = 5},
        .policy = {.data = "5s", .size = 2},
    };
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    (void)fixture_record(peers_own(self->peers), RECORD_SUBSCRIPTION, body,
                         record_subscription_encode(&fifth, body));
    self->subscription_count = 2;
    fixture_restart(self);
    cr_assert_eq(self->core->queue_count, 5);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_ACCEPTED);
    cr_assert_eq(fixture_counter(self, "open"), 2);
    fixture_close(self);
}
