/*
 * A provider in C: submit one notification, wait until each of its deliveries has ended.
 *
 *   cc provider.c $(pkg-config --cflags --libs herald) -o provider
 *   ./provider ipc://var/run/producer.front order.created 1001-created '{"order_id":"1001"}'
 *
 * Exit code: 0 all have ended; 1 not accepted, or not within 30 s; 64 what was asked for cannot be.
 */
#include "client/herald_client.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE_S 30

static void
tell(void *context, const struct herald_client_event *event)
{
    printf("%s: %s at %s\n", event->biz_id, event->state_name, event->subscription);
    (void)fflush(stdout);
    *(bool *)context = true;
}

/* A case is no end: a person decides what becomes of it. */
static bool
all_ended(herald_client_t *client, const char *biz_id)
{
    struct why why;
    struct herald_client_answer answer;
    if (herald_client_query(client, &biz_id, 1, &answer, &why) != ERR_OK) {
        fprintf(stderr, "%s\n", why.text); /* it is asked again */
        return false;
    }
    bool ended = answer.found[0].found;
    for (size_t i = 0; i < answer.found[0].delivery_count; i++) {
        const char *state = answer.found[0].deliveries[i].state_name;
        ended = ended && strcmp(state, "PENDING") != 0 && strcmp(state, "CASE") != 0;
    }
    herald_client_answer_fini(&answer);
    return ended;
}

int
main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: provider ENDPOINT TOPIC BIZ_ID PAYLOAD\n");
        return 64;
    }
    bool told = false;
    struct why why;
    herald_client_t *client = NULL;
    struct herald_client_options options = {.producer = argv[1], .context = &told, .event = tell};
    err_t rc = herald_client_new(&client, &options, &why);
    if (rc != ERR_OK) { /* ERR_FULL: no descriptors now; else it is no use to repeat it */
        fprintf(stderr, "provider: %s: %s\n", herald_err_name(rc), why.text);
        return rc == ERR_FULL ? 1 : 64;
    }
    struct herald_client_notification notification = {
        .topic = argv[2], .biz_id = argv[3], .payload = argv[4], .payload_size = strlen(argv[4])};
    struct herald_client_result result;
    enum herald_client_status status = herald_client_submit(client, &notification, &result);
    printf("status %d, number %llu %s\n", (int)status, (unsigned long long)result.position,
           result.text);
    bool accepted = status == HERALD_CLIENT_ACCEPTED || status == HERALD_CLIENT_DUPLICATE;
    const char *ids[] = {argv[3]};
    if (accepted && herald_client_watch(client, ids, 1, &why) != ERR_OK) {
        fprintf(stderr, "%s\n", why.text); /* it goes on asking */
    }
    bool ended = false;
    time_t until = time(NULL) + PATIENCE_S;
    while (accepted && !ended && time(NULL) < until) {
        (void)herald_client_step(client, 100);
        ended = told && all_ended(client, argv[3]);
    }
    herald_client_destroy(&client);
    return ended ? 0 : 1;
}
