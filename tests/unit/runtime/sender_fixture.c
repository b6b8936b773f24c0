#include "sender_fixture.h"

#include "base/mem.h"
#include "wire/wire_deliver.h"

#include <criterion/criterion.h>
#include <string.h>

void
sender_fixture_answered(void *owner, const struct sender_entry *entry,
                        const struct wire_outcome *outcome, bool outstanding)
{
    struct answers *answers = owner;
    (void)entry;
    answers->lost += outcome->outcome == OUTCOME_LOST;
    answers->leases += outcome->outcome == OUTCOME_LEASE;
    answers->done += outcome->outcome == OUTCOME_DONE && outstanding;
    answers->late += !outstanding;
}

sender_t *
sender_fixture_open_with(const struct sender_settings *settings, outbox_t *outbox)
{
    sender_t *sender = sender_new(settings, outbox);
    for (uint32_t i = 0; i < settings->lane_count; i++) {
        sender_set_endpoint(sender, i, "ipc://lane");
    }
    return sender;
}

sender_t *
sender_fixture_open(struct answers *answers, outbox_t *outbox)
{
    struct sender_settings settings = {
        .log = LOG_PRODUCER,
        .run = 1,
        .lane_count = 4,
        .window = 8,
        .lease_ms = 10000,
        .service = "producer",
        .answered = sender_fixture_answered,
        .owner = answers,
    };
    return sender_fixture_open_with(&settings, outbox);
}

struct wire_text
sender_fixture_text(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

static uint32_t
join(sender_t *sender, const struct wire_hello *hello, int64_t now_ms)
{
    struct wire_welcome welcome;
    sender_hello(sender, hello, now_ms, &welcome);
    cr_assert_eq(welcome.status, WIRE_OK);
    return welcome.lane;
}

uint32_t
sender_fixture_join(sender_t *sender, const char *group, const char *name, int64_t now_ms)
{
    const struct wire_hello hello = {.party = WIRE_PARTY_CONSUMER,
                                     .group = sender_fixture_text(group),
                                     .name = sender_fixture_text(name),
                                     .nonce = 1};
    return join(sender, &hello, now_ms);
}

uint32_t
sender_fixture_hello(sender_t *sender, const char *group, uint64_t nonce, int64_t now_ms)
{
    const struct wire_hello hello = {.party = WIRE_PARTY_CONSUMER,
                                     .group = sender_fixture_text(group),
                                     .name = sender_fixture_text("node-1"),
                                     .nonce = nonce};
    return join(sender, &hello, now_ms);
}

struct sender_offer
sender_fixture_offer(const char *group, uint64_t user)
{
    static const uint8_t bytes[16] = {0x90};
    return (struct sender_offer){
        .group = sender_fixture_text(group),
        .item = {.position = 1,
                 .subscription = 1,
                 .turn = 1,
                 .attempt = 1,
                 .lease_ms = 3000,
                 .hash = bytes,
                 .notification = {.data = bytes, .size = 1}},
        .lease_limit_ms = 20000,
        .user = user,
    };
}

bool
sender_fixture_send(sender_t *sender, const char *group, int64_t now_ms)
{
    const struct sender_offer offer = sender_fixture_offer(group, 0);
    bool sent = sender_send(sender, &offer, 0, now_ms);
    sender_flush(sender, 0);
    return sent;
}

void
sender_fixture_leave(outbox_t *outbox, size_t count)
{
    for (size_t i = count == 0 ? outbox_count(outbox) : count; i > 0; i--) {
        cr_assert_not_null(outbox_next(outbox, UINT64_MAX));
        outbox_pop(outbox);
    }
}

void
sender_fixture_outcomes_at(sender_t *sender, struct sender_fixture_run run, int64_t now_ms)
{
    const struct wire_outcomes head = {
        .run = 1,
        .receiver = sender_fixture_text(run.from == NULL ? "node-1" : run.from),
        .lane = run.lane};
    const struct wire_outcome one = {
        .first_token = UINT64_C(1) << 40 | run.counter, .count = run.count, .outcome = run.said};
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_outcomes_out list = wire_outcomes_begin(&out, &head);
    wire_outcomes_add(&list, &one);
    wire_outcomes_end(&list);
    size_t size = 0;
    uint8_t *body = wire_out_take(&out, &size);
    struct why why = {{0}};
    cr_assert_eq(sender_outcome(sender, body, size, now_ms, &why), ERR_OK, "%s", why.text);
    mem_free(body);
}

void
sender_fixture_outcomes(sender_t *sender, uint64_t counter, uint32_t count, uint8_t said)
{
    const struct sender_fixture_run run = {.counter = counter, .count = count, .said = said};
    sender_fixture_outcomes_at(sender, run, 0);
}

void
sender_fixture_outcome(sender_t *sender, uint64_t counter, uint8_t said)
{
    sender_fixture_outcomes(sender, counter, 1, said);
}
