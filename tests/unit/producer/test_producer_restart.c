#include "producer_life.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 600U

Test(producer_restart, changes_nothing_that_is_said)
{
    static char before[65536];
    static char after[65536];
    struct fixture *self = fixture_open(2);
    life_live(self, ROUNDS);
    life_describe(self, ROUNDS, before, sizeof before);
    for (int i = 0; i < 3; i++) {
        fixture_restart(self);
        life_describe(self, ROUNDS, after, sizeof after);
        cr_assert_str_eq(after, before);
    }
    fixture_close(self);
}

Test(producer_restart, from_checkpoints_says_the_same_as_from_the_whole_log)
{
    static char whole[65536];
    static char checkpointed[65536];
    struct fixture *self = fixture_open(2);
    life_live(self, ROUNDS);
    fixture_restart(self);
    life_describe(self, ROUNDS, whole, sizeof whole);
    fixture_close(self);

    self = fixture_open(2);
    self->settings.checkpoint_records = 100;
    fixture_restart(self);
    life_live(self, ROUNDS);
    cr_assert_gt(fixture_counter(self, "checkpoints"), 2);
    fixture_restart(self);
    life_describe(self, ROUNDS, checkpointed, sizeof checkpointed);
    cr_assert_str_eq(checkpointed, whole);
    fixture_restart(self);
    life_describe(self, ROUNDS, checkpointed, sizeof checkpointed);
    cr_assert_str_eq(checkpointed, whole);
    fixture_close(self);
}

Test(producer_restart, sends_again_what_has_no_outcome_with_new_tokens)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "");
    fixture_submit(self, "order.paid", "b", "");
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 3);
    cr_assert_str_eq(self->deliveries[2].biz_id, "b");
    cr_assert_neq(self->deliveries[2].token, self->deliveries[1].token);
    self->deliveries[1].lane = 0;
    fixture_outcome(self, 1, OUTCOME_REJECT, 0); /* of the earlier run: void */
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 0);
    fixture_close(self);
}

Test(producer_restart, keeps_subscriptions_by_name_and_refuses_another_group)
{
    struct fixture *self = fixture_open(2);
    struct why why = {{0}};
    struct producer_subscription_settings swapped[2] = {self->subscriptions[1],
                                                        self->subscriptions[0]};
    cr_assert_eq(producer_core_configure(self->core, swapped, 2, &why), ERR_OK);
    cr_assert_eq(catalog_subscription_named(self->core->catalog, "orders", 6)->id, 1);
    fixture_step(self);
    cr_assert_eq(fixture_count(self, RECORD_SUBSCRIPTION), 2, "nothing changed: nothing new");
    swapped[0].group = "elsewhere";
    cr_assert_eq(producer_core_configure(self->core, swapped, 2, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "audit"));
    cr_assert_eq(producer_core_configure(self->core, &self->subscriptions[0], 1, &why), ERR_OK);
    cr_assert_not(catalog_subscription_named(self->core->catalog, "audit", 5)->active);
    fixture_submit(self, "order.paid", "a", "");
    cr_assert_eq(fixture_counter(self, "open"), 1, "a retired subscription matches no more");
    fixture_close(self);
}

/* What is kept on disk for it follows from the policy, which the log may change between its
 * beginning and its end. */
Test(producer_restart, from_a_log_in_which_policies_grew_and_shrank)
{
    struct fixture *self = fixture_open(1);
    static const char *const policies[] = {"wechatpay", "1s", "default", "alipay", "1s"};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        const char biz_id[] = {(char)('a' + i), '\0'};
        fixture_submit(self, "order.paid", biz_id, "");
        self->subscriptions[0].policy = policies[i];
        fixture_restart(self);
        fixture_join(self, "shop", 1);
        fixture_outcome(self, self->delivery_count - 1, i % 2 == 0 ? OUTCOME_DONE : OUTCOME_RETRY,
                        0);
        uint64_t kept = fixture_counter(self, "room_kept");
        uint64_t retries = self->core->load.retries;
        fixture_restart(self);
        cr_assert_eq(fixture_counter(self, "open"), (i + 1) / 2);
        cr_assert_eq(self->core->load.retries, retries);
        cr_assert_eq(fixture_counter(self, "room_kept"), kept);
    }
    fixture_close(self);
}

Test(producer_restart, trims_what_is_finished_and_old_and_nothing_else)
{
    struct fixture *self = fixture_open(1);
    self->settings.retention_ms = 3600000;
    self->settings.checkpoint_records = 500;
    fixture_restart(self);
    static char payload[4096];
    memset(payload, 'x', sizeof payload - 1);
    for (int i = 0; i < 4000; i++) {
        char biz_id[32];
        (void)snprintf(biz_id, sizeof biz_id, "n%d", i);
        fixture_join(self, "shop", 1); /* it lives */
        if (i % 100 == 0) {
            struct record_position position = {0};
            position.logs[LOG_PRODUCER].position = log_durable(peers_own(self->peers));
            memcpy(position.logs[LOG_PRODUCER].identity, log_identity(peers_own(self->peers)), 16);
            uint8_t body[RECORD_POSITION_MAX];
            size_t size = record_position_encode(&position, body);
            log_t *const logs[] = {self->scheduler, self->compensator};
            for (int k = 0; k < 2; k++) {
                (void)log_append(logs[k], RECORD_POSITION, body, size);
                cr_assert_eq(log_commit(logs[k], 0, NULL), ERR_OK);
                cr_assert_eq(log_reap(logs[k], NULL), ERR_OK);
            }
        }
        fixture_submit(self, "order.paid", biz_id, payload);
        fixture_outcome(self, self->delivery_count - 1, OUTCOME_DONE, 0);
        self->delivery_count = 0;
        fixture_advance(self, 5000);
    }
    cr_assert_gt(fixture_counter(self, "log_first"), 1000, "nothing went");
    cr_assert_geq(fixture_count(self, RECORD_SUBSCRIPTION), 1, "the others would not find it");
    uint8_t status = 0;
    (void)fixture_query(self, "n0", "orders", &status);
    cr_assert_eq(status, WIRE_NOT_FOUND, "its retention is over");
    (void)fixture_query(self, "n3999", "orders", &status);
    cr_assert_eq(status, WIRE_OK);
    cr_assert_eq(fixture_submit(self, "order.paid", "n0", "again").status, WIRE_ACCEPTED);
    fixture_restart(self);
    (void)fixture_query(self, "n3990", "orders", &status);
    cr_assert_eq(status, WIRE_OK);
    fixture_close(self);
}
