/*
 * verify: every byte that counts. Each segment's header and its place in the chain, each block's
 * checksum, place, run and sequence, `synced` never falling, the records inside; and of the newest
 * segment what recovery would say of it.
 */
#include "journal_place.h"

#include "journal/recovery.h"
#include "journal/segment_chain.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct findings {
    uint64_t segments;
    uint64_t blocks;
    uint64_t records;
    uint64_t bytes;    /* of blocks */
    uint64_t unproven; /* records behind the proven position */
    uint64_t torn_bytes;
    uint64_t first;
    uint64_t last;
    uint64_t synced; /* as the newest block says */
};

static err_t
verify_blocks(struct journal_place *place, struct segment *segment, uint64_t end,
              struct findings *found, struct why *why)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(segment->head.counter, name);
    uint64_t position = segment->head.first;
    for (uint64_t offset = SEGMENT_HEAD_BYTES; offset < end;) {
        struct segment_block head;
        log_block_t *block = NULL;
        err_t rc = segment_set_peek(&place->set, segment, offset, &head, why);
        if (rc == ERR_OK) {
            rc = segment_set_block(&place->set, segment, offset, &block, why);
        }
        if (rc != ERR_OK) {
            return rc;
        }
        log_block_release(&block);
        if (head.first != position || head.synced < found->synced) {
            return why_set(why, ERR_CORRUPT,
                           "%s/%s at offset %" PRIu64 ": the block begins with position %" PRIu64
                           " (expected %" PRIu64 "), synced %" PRIu64 " after %" PRIu64,
                           place->path, name, offset, head.first, position, head.synced,
                           found->synced);
        }
        found->synced = head.synced;
        found->blocks++;
        found->records += head.count;
        found->bytes += log_block_span_of(head.size);
        position += head.count;
        offset += log_block_span_of(head.size);
    }
    found->last = position - 1;
    return ERR_OK;
}

static err_t
verify_newest(struct journal_place *place, struct findings *found, struct why *why)
{
    struct segment *newest = &place->set.items[place->set.count - 1];
    struct recovery recovery = {
        .set = &place->set,
        .name = newest->head.name,
        .claim = place->claimed ? &place->claim : NULL,
    };
    err_t rc = recovery_examine(&recovery, why);
    if (rc == ERR_OK) {
        segment_set_extend(&place->set, place->set.count - 1, recovery.valid_end);
        found->unproven = recovery.valid - recovery.proven;
        found->torn_bytes = recovery.torn_bytes;
        rc = verify_blocks(place, newest, recovery.valid_end, found, why);
    }
    recovery_fini(&recovery);
    return rc;
}

static err_t
verify(struct journal_place *place, struct findings *found, struct why *why)
{
    err_t rc = segment_chain_load(&place->set, why);
    if (rc != ERR_OK || place->set.count == 0) {
        return rc != ERR_OK || !place->claimed || place->claim.durable == 0
                   ? rc
                   : why_set(why, ERR_CORRUPT, "%s holds no segments", place->path);
    }
    found->first = place->set.items[0].head.first;
    for (size_t i = 0; i < place->set.count; i++) {
        struct segment *segment = &place->set.items[i];
        bool newest = i + 1 == place->set.count;
        rc = newest ? verify_newest(place, found, why)
                    : verify_blocks(place, segment, segment->end, found, why);
        if (rc != ERR_OK && !segment_set_present(&place->set, segment)) {
            found->first = segment->head.first; /* its owner trimmed it just now */
            found->last = newest ? found->last : segment[1].head.first - 1;
            rc = ERR_OK;
        }
        if (rc != ERR_OK) {
            return rc;
        }
        if (!newest && found->last + 1 != segment[1].head.first) {
            return why_set(why, ERR_CORRUPT,
                           "%s: segment %" PRIu64 " ends with position %" PRIu64
                           ", but the next begins with %" PRIu64,
                           place->path, segment->head.counter, found->last, segment[1].head.first);
        }
        found->segments++;
    }
    return ERR_OK;
}

static void
print_findings(const struct journal_command *command, const struct findings *found, err_t rc,
               const struct why *why)
{
    if (command->json) {
        json_t *object =
            json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "sound", rc == ERR_OK, "segments",
                      (json_int_t)found->segments, "blocks", (json_int_t)found->blocks, "records",
                      (json_int_t)found->records, "bytes", (json_int_t)found->bytes, "first",
                      (json_int_t)found->first, "last", (json_int_t)found->last, "unproven",
                      (json_int_t)found->unproven, "torn_bytes", (json_int_t)found->torn_bytes);
        if (rc != ERR_OK) {
            (void)json_object_set_new(object, "fault", json_string(why->text));
        }
        char *text = json_dumps(object, JSON_COMPACT);
        (void)printf("%s\n", text == NULL ? "{}" : text);
        free(text);
        json_decref(object);
        return;
    }
    (void)printf("%s: %" PRIu64 " segments, %" PRIu64 " blocks, %" PRIu64 " records (%" PRIu64
                 " to %" PRIu64 "), %" PRIu64 " bytes\n",
                 rc == ERR_OK ? "sound" : "up to the fault", found->segments, found->blocks,
                 found->records, found->first, found->last, found->bytes);
    if (rc == ERR_OK && (found->unproven > 0 || found->torn_bytes > 0)) {
        (void)printf("behind the proven position: %" PRIu64
                     " records that the next start keeps, %" PRIu64
                     " bytes of a torn write that it cuts\n",
                     found->unproven, found->torn_bytes);
    }
    if (rc != ERR_OK) {
        (void)printf("%s: %s\n", rc == ERR_CORRUPT ? "DAMAGED" : "UNREADABLE", why->text);
    }
}

int
journal_verify_run(const struct journal_command *command)
{
    struct journal_place place;
    struct findings found = {0};
    struct why why = {{0}};
    err_t rc = journal_place_open(&place, command, &why);
    if (rc == ERR_OK) {
        rc = verify(&place, &found, &why);
    }
    print_findings(command, &found, rc, &why);
    journal_place_close(&place);
    return journal_place_exit(rc);
}
