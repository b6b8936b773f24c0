#include "record_samples.h"

#include <inttypes.h>

static void
words_hex(FILE *to, const char *name, const uint8_t *bytes, size_t size)
{
    (void)fprintf(to, "  %s h'", name);
    for (size_t i = 0; i < size; i++) {
        (void)fprintf(to, "%02x", bytes[i]);
    }
    (void)fputs("'\n", to);
}

static void
words_text(FILE *to, const char *name, struct record_text text)
{
    (void)fprintf(to, "  %s \"%.*s\"\n", name, (int)text.size, text.size == 0 ? "" : text.data);
}

static void
words_key(FILE *to, struct delivery_key key)
{
    (void)fprintf(to, "  position %" PRIu64 "\n  subscription %u\n", key.position,
                  key.subscription);
}

static void
words_notification(FILE *to, const struct record_notification *record)
{
    (void)fprintf(to, "  received %" PRId64 "\n", record->received_unix_ms);
    words_hex(to, "hash", record->hash, sizeof record->hash);
    for (unsigned i = 0; i < record->subscription_count; i++) {
        (void)fprintf(to, "  for %u\n", record->subscriptions[i]);
    }
    words_hex(to, "encoded", record->encoded, record->encoded_size);
}

static void
words_event(FILE *to, const struct record_event *record)
{
    words_key(to, record->key);
    (void)fprintf(to,
                  "  turn %" PRIu32 "\n  outcome %u\n  end %u\n  order %u\n  unfenced %d\n"
                  "  attempt %u\n  at %" PRId64 "\n  due %" PRId64 "\n  unburnt %u\n",
                  record->turn, record->outcome, record->end, record->order, record->unfenced,
                  record->attempt, record->at_unix_ms, record->due_unix_ms, record->unburnt);
    words_text(to, "by", record->by);
    words_text(to, "reason", record->reason);
    (void)fprintf(to, "  previous %" PRIu64 "\n", record->previous);
    if (record->custodian != 0) {
        (void)fprintf(to, "  custodian %u\n", record->custodian);
    }
    if (record->more != 0) {
        (void)fprintf(to, "  more %" PRIu32 "\n", record->more);
    }
}

static void
words_custody(FILE *to, const struct record_custody *record)
{
    words_key(to, record->key);
    (void)fprintf(to,
                  "  turn %" PRIu32 "\n  to %u\n  cause %u\n  sent %d\n  alone %d\n"
                  "  attempts %u\n  unburnt %u\n  at %" PRId64 "\n  due %" PRId64
                  "\n  first_sent %" PRId64 "\n  previous %" PRIu64 "\n",
                  record->turn, record->to, record->cause, record->sent, record->alone,
                  record->attempts, record->unburnt, record->at_unix_ms, record->due_unix_ms,
                  record->first_sent_unix_ms, record->previous);
    words_text(to, "reason", record->reason);
}

static void
words_subscription(FILE *to, const struct record_subscription *record)
{
    (void)fprintf(to,
                  "  id %u\n  active %d\n  compensation %u\n  lease_ms %" PRIu32
                  "\n  lease_limit_ms %" PRIu32 "\n",
                  record->id, record->active, record->compensation, record->lease_ms,
                  record->lease_limit_ms);
    words_text(to, "name", record->name);
    words_text(to, "pattern", record->pattern);
    words_text(to, "group", record->group);
    words_text(to, "policy", record->policy);
}

void
record_sample_print(FILE *to, const struct record_sample *sample)
{
    switch (sample->kind) {
    case RECORD_NOTIFICATION:
        words_notification(to, &sample->notification);
        break;
    case RECORD_MOVED:
    case RECORD_TAKEN:
        words_custody(to, &sample->custody);
        break;
    case RECORD_CASE:
        (void)fprintf(to, "  fenced %d\n  undo_unanswered %d\n", sample->opened.fenced,
                      sample->opened.undo_unanswered);
        words_custody(to, &sample->opened.custody);
        words_notification(to, &sample->opened.notification);
        break;
    case RECORD_SUBSCRIPTION:
        words_subscription(to, &sample->subscription);
        break;
    case RECORD_GROUP:
        (void)fprintf(to, "  can_fence %d\n  can_undo %d\n", sample->group.can_fence,
                      sample->group.can_undo);
        words_hex(to, "identity", sample->group.identity, sizeof sample->group.identity);
        words_text(to, "name", sample->group.name);
        words_text(to, "by", sample->group.by);
        break;
    case RECORD_POSITION:
        for (int i = 0; i < LOG_ID_COUNT; i++) {
            (void)fprintf(to, "  position %" PRIu64 "\n", sample->position.logs[i].position);
            words_hex(to, "identity", sample->position.logs[i].identity, 16);
        }
        break;
    default:
        words_event(to, &sample->event);
        break;
    }
}
