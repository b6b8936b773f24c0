#include "runtime/peers.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/record_codec.h"
#include "runtime/thrift.h"

#include <string.h>

#define FAR 1000                         /* positions read and not on record */
#define FAR_EVERY_MS 1000                /* between two such records */
#define SHORT_ABOVE_BYTES (1024U * 1024) /* room is short already so close to the reserve */

struct peer {
    log_t *log; /* owned */
    struct log_cursor cursor;
    bool reading;
    uint64_t readers; /* how far this peer has read our log */
    uint64_t noted;   /* where the cursor stood in our newest POSITION, or at the start */
};

struct peers {
    enum log_id self_id;
    struct peer logs[LOG_ID_COUNT]; /* the own one too: log only */
    bool dirty;                     /* something worth a POSITION was passed */
    bool noted;                     /* and what follows from it is appended: it is wanted */
    int64_t far_ms;                 /* when it was last wanted for the distance alone */
    bool is_short;                  /* room on disk is short */
    bool blind;                     /* the others' logs are not looked at now */
    bool grow;                      /* one of them had grown at the last look */
    struct thrift thrift;
};

const char *
peers_name(enum log_id id)
{
    static const char *const names[LOG_ID_COUNT] = {"producer", "scheduler", "compensator"};
    return names[id];
}

log_t *
peers_own(peers_t *self)
{
    return self->logs[self->self_id].log;
}

log_t *
peers_log(peers_t *self, enum log_id id)
{
    return self->logs[id].log;
}

/* What the newest POSITION in a peer's log says of ours. */
static err_t
witness(peers_t *self, struct peer *peer, struct record_position *found, struct why *why)
{
    struct log_record record;
    log_block_t *block = NULL;
    err_t rc = log_newest(peer->log, RECORD_POSITION, &record, &block, why);
    if (rc == ERR_NOT_FOUND) {
        *found = (struct record_position){0};
        return ERR_OK;
    }
    if (rc == ERR_OK) {
        rc = record_position_decode(record.body, record.size, found, why);
        log_block_release(&block);
    }
    peer->readers = rc == ERR_OK ? found->logs[self->self_id].position : 0;
    return rc;
}

static err_t
check_identity(peers_t *self, const struct record_position *seen, enum log_id peer, struct why *why)
{
    const uint8_t *identity = log_identity(peers_own(self));
    if (seen->logs[self->self_id].position > 0 &&
        memcmp(seen->logs[self->self_id].identity, identity, 16) != 0) {
        return why_set(why, ERR_CORRUPT,
                       "the %s's log has read another %s log than this one: was the directory "
                       "replaced? See OPERATIONS, \"Restore\"",
                       peers_name(peer), peers_name(self->self_id));
    }
    return ERR_OK;
}

static bool
is_other(const uint8_t identity[16], const uint8_t known[16])
{
    static const uint8_t absent[16];
    return memcmp(identity, absent, sizeof absent) != 0 && memcmp(identity, known, 16) != 0;
}

/*
 * After a power cut the position file of a log may be lost or old until its owner has started:
 * then less of it can be read than we have read before. To go on without it would be to forget its
 * ends, and to say so in answers.
 */
static err_t
check_reach(peers_t *self, struct why *why)
{
    struct record_position read = {0};
    struct log_record record;
    log_block_t *block = NULL;
    err_t rc = log_newest(peers_own(self), RECORD_POSITION, &record, &block, why);
    if (rc == ERR_OK) {
        rc = record_position_decode(record.body, record.size, &read, why);
        log_block_release(&block);
    }
    for (int id = 0; id < LOG_ID_COUNT && rc == ERR_OK; id++) {
        uint64_t position = read.logs[id].position;
        if (id == (int)self->self_id || position <= log_durable(self->logs[id].log) ||
            is_other(log_identity(self->logs[id].log), read.logs[id].identity)) {
            continue; /* another log in its place is the service's to refuse */
        }
        return why_set(why, ERR_TIMEOUT,
                       "the %s's log was read up to position %llu and can now be read up to %llu: "
                       "the %s must start first",
                       peers_name((enum log_id)id), (unsigned long long)position,
                       (unsigned long long)log_durable(self->logs[id].log),
                       peers_name((enum log_id)id));
    }
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

err_t
peers_open(peers_t **self_p, const struct log_settings *settings, enum log_id self_id,
           struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    peers_t *self = mem_zeroed(sizeof *self);
    self->self_id = self_id;
    struct record_position seen[LOG_ID_COUNT] = {0};
    uint64_t witnessed = 0;
    err_t rc = ERR_OK;
    for (int id = 0; id < LOG_ID_COUNT && rc == ERR_OK; id++) {
        if (id == (int)self_id) {
            continue;
        }
        rc = log_follow(&self->logs[id].log, settings, peers_name((enum log_id)id), why);
        if (rc == ERR_OK) {
            rc = witness(self, &self->logs[id], &seen[id], why);
        }
        uint64_t position = seen[id].logs[self_id].position;
        witnessed = position > witnessed ? position : witnessed;
    }
    if (rc == ERR_OK) {
        struct log_settings own = *settings;
        own.reserve = self_id == LOG_PRODUCER ? 0 : log_seen(self->logs[LOG_PRODUCER].log)->reserve;
        rc = log_own(&self->logs[self_id].log, &own, peers_name(self_id), witnessed, why);
    }
    for (int id = 0; id < LOG_ID_COUNT && rc == ERR_OK; id++) {
        if (id != (int)self_id) {
            rc = check_identity(self, &seen[id], (enum log_id)id, why);
        }
    }
    if (rc == ERR_OK) {
        rc = check_reach(self, why);
    }
    if (rc != ERR_OK) {
        peers_close(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

void
peers_close(peers_t **self_p)
{
    peers_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (int id = 0; id < LOG_ID_COUNT; id++) {
        if (self->logs[id].reading) {
            log_cursor_fini(&self->logs[id].cursor);
        }
        log_close(&self->logs[id].log);
    }
    mem_free(self);
    *self_p = NULL;
}

void
peers_read_from(peers_t *self, enum log_id id, uint64_t position, uint32_t kinds)
{
    struct peer *peer = &self->logs[id];
    CHECK(id != self->self_id);
    if (peer->reading) {
        log_cursor_fini(&peer->cursor);
    }
    log_cursor_init(&peer->cursor, peer->log, position, kinds | LOG_KIND_BIT(RECORD_POSITION));
    peer->reading = true;
    peer->noted = peer->cursor.position;
}

uint64_t
peers_read(const peers_t *self, enum log_id id)
{
    return self->logs[id].cursor.position;
}

/* All keep what the producer has worked out: room is one for all logs. */
static void
look_at_room(peers_t *self)
{
    const struct log_store_state *seen = log_seen(peers_own(self));
    uint64_t reserve = log_seen(self->logs[LOG_PRODUCER].log)->reserve;
    if (self->self_id != LOG_PRODUCER && reserve != seen->reserve) {
        log_reserve(peers_own(self), reserve);
    }
    self->is_short = seen->free_bytes < reserve + reserve / 16 + SHORT_ABOVE_BYTES;
}

void
peers_look(peers_t *self, bool look)
{
    self->blind = !look;
}

err_t
peers_refresh(peers_t *self, struct why *why)
{
    err_t rc = ERR_OK;
    self->grow = self->grow && self->blind;
    for (int id = 0; id < LOG_ID_COUNT && rc == ERR_OK; id++) {
        bool own = id == (int)self->self_id;
        log_t *log = self->logs[id].log;
        uint64_t before = log_durable(log);
        rc = own || !self->blind ? log_refresh(log, why) : ERR_OK;
        self->grow = self->grow || (!own && log_durable(log) > before);
    }
    if (rc == ERR_OK) {
        look_at_room(self);
    }
    return rc;
}

bool
peers_grow(const peers_t *self)
{
    return self->grow;
}

bool
peers_short(const peers_t *self)
{
    return self->is_short;
}

size_t
peers_reason_bytes(const peers_t *self)
{
    return self->is_short ? LIMIT_REASON_SHORT_BYTES : LIMIT_REASON_BYTES;
}

/* A peer's POSITION is ours to know, for trimming; the service never sees it. */
static void
take_position(peers_t *self, struct peer *peer, const struct log_record *record)
{
    struct record_position position;
    if (record_position_decode(record->body, record->size, &position, NULL) == ERR_OK) {
        peer->readers = position.logs[self->self_id].position;
    }
}

err_t
peers_next(peers_t *self, enum log_id *id, struct log_record *record, struct why *why)
{
    for (int i = 0; i < LOG_ID_COUNT; i++) {
        struct peer *peer = &self->logs[i];
        while (i != (int)self->self_id && peer->reading) {
            err_t rc = log_cursor_next(&peer->cursor, record, why);
            if (rc == ERR_AGAIN) {
                break;
            }
            if (rc != ERR_OK) {
                return rc;
            }
            if (record->kind == RECORD_POSITION) {
                take_position(self, peer, record);
                continue;
            }
            self->dirty = self->dirty || (LOG_KIND_BIT(record->kind) & PEERS_QUIET_KINDS) == 0;
            *id = (enum log_id)i;
            return ERR_OK;
        }
    }
    return ERR_AGAIN;
}

static void
append_position(peers_t *self)
{
    self->dirty = false;
    self->noted = false;
    struct record_position position = {0};
    for (int id = 0; id < LOG_ID_COUNT; id++) {
        if (id != (int)self->self_id) {
            self->logs[id].noted = self->logs[id].cursor.position;
            position.logs[id].position = self->logs[id].cursor.position - 1;
            memcpy(position.logs[id].identity, log_identity(self->logs[id].log), 16);
        }
    }
    uint8_t body[RECORD_POSITION_MAX];
    (void)log_append(peers_own(self), RECORD_POSITION, body,
                     record_position_encode(&position, body)); /* its place does not matter */
}

void
peers_note(peers_t *self)
{
    self->noted = self->dirty;
    if (self->noted && !self->is_short) {
        append_position(self);
    }
}

/* How much of the others was read that no POSITION speaks of. */
static uint64_t
unnoted(const peers_t *self)
{
    uint64_t count = 0;
    for (const struct peer *peer = self->logs; peer < self->logs + LOG_ID_COUNT; peer++) {
        count += peer->cursor.position - peer->noted;
    }
    return count;
}

void
peers_note_all(peers_t *self)
{
    self->noted = self->noted || unnoted(self) > 0;
}

/* What is passed over says nothing; but how far it was tells an older copy from the log. */
static void
note_distance(peers_t *self, int64_t now_ms)
{
    if (!self->is_short && now_ms - self->far_ms >= FAR_EVERY_MS && unnoted(self) >= FAR) {
        self->far_ms = now_ms;
        self->noted = true;
    }
}

err_t
peers_commit(peers_t *self, bool at_once, int64_t now_ms, struct why *why)
{
    log_t *own = peers_own(self);
    note_distance(self, now_ms);
    uint64_t gathered = log_gathered(own) + (self->noted ? RECORD_POSITION_MAX : 0);
    if (at_once) {
        thrift_hurries(&self->thrift, gathered, self->is_short);
    } else if (thrift_waits(&self->thrift, gathered, self->is_short, now_ms)) {
        return log_reap(own, why);
    }
    if (self->noted) {
        append_position(self); /* in one block with what follows from it */
    }
    unsigned news = peers_news(self) > log_committed(own) ? LOG_STORE_FOLLOWED : 0;
    err_t rc = log_commit(own, LOG_STORE_FINISHING | news, why);
    if (rc != ERR_OK && rc != ERR_FULL) { /* FULL: again next time */
        return rc;
    }
    return at_once ? log_sync(own, why) : log_reap(own, why);
}

bool
peers_may_wait(const peers_t *self, uint32_t kinds)
{
    const log_t *own = self->logs[self->self_id].log;
    return log_newest_appended(own, ~kinds) <= log_committed(own) &&
           thrift_until_ms(&self->thrift) == INT64_MAX;
}

uint64_t
peers_news(const peers_t *self)
{
    bool all_is_read = self->self_id != LOG_PRODUCER || self->is_short;
    uint32_t unread = PEERS_QUIET_KINDS | (all_is_read ? 0 : PEERS_UNREAD_OF_PRODUCER);
    return log_newest_appended(self->logs[self->self_id].log, ~unread);
}

int64_t
peers_commit_ms(const peers_t *self)
{
    return thrift_until_ms(&self->thrift);
}

uint64_t
peers_readers(const peers_t *self)
{
    uint64_t least = UINT64_MAX;
    for (int id = 0; id < LOG_ID_COUNT; id++) {
        if (id != (int)self->self_id && self->logs[id].readers < least) {
            least = self->logs[id].readers;
        }
    }
    return least;
}
