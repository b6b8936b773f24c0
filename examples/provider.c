/*
 * A provider in C: submit one notification, wait for its end.
 *
 *   cc provider.c $(pkg-config --cflags --libs herald) -o provider
 *   ./provider ipc://var/run/producer.front order.created 1001-created '{"order_id":"1001"}'
 */
#include "client/herald_client.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void
ended(void *context, const struct herald_client_event *event)
{
    printf("%s: %s at %s\n", event->biz_id, event->state_name, event->subscription);
    *(bool *)context = true;
}

int
main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: provider ENDPOINT TOPIC BIZ_ID PAYLOAD\n");
        return 64;
    }
    bool done = false;
    struct why why;
    herald_client_t *client = NULL;
    struct herald_client_options options = {.producer = argv[1], .context = &done, .event = ended};
    if (herald_client_new(&client, &options, &why) != ERR_OK) {
        fprintf(stderr, "%s\n", why.text);
        return 64;
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
    for (int i = 0; accepted && !done && i < 300; i++) {
        (void)herald_client_step(client, 100); /* up to 30 s */
    }
    herald_client_destroy(&client);
    return accepted && done ? 0 : 1;
}
