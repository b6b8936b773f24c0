#include "journal_place.h"

#include "journal/segment_chain.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
hex_identity(const uint8_t identity[16], char text[33])
{
    for (int i = 0; i < 16; i++) {
        (void)snprintf(text + i * 2, 3, "%02x", identity[i]);
    }
}

/* Where the content of the newest segment ends is known by the claim, if that names it. */
static uint64_t
end_of(const struct journal_place *place, const struct segment *segment)
{
    bool claimed = place->claimed && place->claim.counter == segment->head.counter;
    return claimed && place->claim.end > segment->end ? place->claim.end : segment->end;
}

static void
print_text(const struct journal_place *place)
{
    char identity[33] = "unknown";
    const struct segment_set *set = &place->set;
    if (set->count > 0) {
        hex_identity(set->items[0].head.identity, identity);
    }
    (void)printf("log       %s\nidentity  %s\n", place->path, identity);
    (void)printf("oldest    %" PRIu64 "\n", set->count == 0 ? 0 : set->items[0].head.first);
    if (place->claimed) {
        (void)printf("durable   %" PRIu64 " (run %" PRIu64 "), as published\n",
                     place->claim.durable, place->claim.run);
    } else {
        (void)printf("durable   unknown: the position file claims nothing\n");
    }
    (void)printf("\n%-20s %6s %12s %12s %12s\n", "segment", "run", "first", "content", "file");
    for (size_t i = 0; i < set->count; i++) {
        const struct segment *segment = &set->items[i];
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(segment->head.counter, name);
        (void)printf("%-20s %6" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", name,
                     segment->head.run, segment->head.first, end_of(place, segment),
                     segment->file_bytes);
    }
}

static void
print_json(const struct journal_place *place)
{
    char identity[33] = "";
    const struct segment_set *set = &place->set;
    json_t *segments = json_array();
    for (size_t i = 0; i < set->count; i++) {
        const struct segment *segment = &set->items[i];
        hex_identity(segment->head.identity, identity);
        (void)json_array_append_new(segments, json_pack("{s:I,s:I,s:I,s:I,s:I}", "counter",
                                                        (json_int_t)segment->head.counter, "run",
                                                        (json_int_t)segment->head.run, "first",
                                                        (json_int_t)segment->head.first, "content",
                                                        (json_int_t)end_of(place, segment), "file",
                                                        (json_int_t)segment->file_bytes));
    }
    json_t *object =
        json_pack("{s:s,s:s,s:o}", "log", place->path, "identity", identity, "segments", segments);
    if (place->claimed) {
        (void)json_object_set_new(object, "durable",
                                  json_integer((json_int_t)place->claim.durable));
        (void)json_object_set_new(object, "run", json_integer((json_int_t)place->claim.run));
    }
    char *text = json_dumps(object, JSON_COMPACT);
    (void)printf("%s\n", text == NULL ? "{}" : text);
    free(text);
    json_decref(object);
}

int
journal_info_run(const struct journal_command *command)
{
    struct journal_place place;
    struct why why = {{0}};
    err_t rc = journal_place_open(&place, command, &why);
    if (rc == ERR_OK) {
        rc = segment_chain_load(&place.set, &why);
    }
    if (rc != ERR_OK) {
        (void)fprintf(stderr, "herald-journal: %s\n", why.text);
    } else if (command->json) {
        print_json(&place);
    } else {
        print_text(&place);
    }
    journal_place_close(&place);
    return journal_place_exit(rc);
}
