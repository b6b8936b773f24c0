#include "order_settings.h"

#include "client/herald_consumer.h"
#include "order_db.h"
#include "runtime/service.h"

#include <string.h>
#include <unistd.h>

#define HOST_BYTES 48 /* of the host's name, so that a process id fits beside it */

const struct setting order_settings_table[] = {
    {"producer", SETTING_TEXT, "ipc://{data}/run/producer.front", 0, 0, NULL,
     "the producer's front door; it says where everything else is"},
    {"front/bind", SETTING_TEXT, "ipc://{data}/run/order-consumer.front", 0, 0, NULL,
     "front door: answers PING and STATS; several with spaces"},
    {"group", SETTING_TEXT, "order-system", 0, 0, NULL,
     "the receiver group; a database serves one for life"},
    {"name", SETTING_TEXT, "", 0, 0, NULL, "of this receiver; empty: its host and process id"},
    {"database/url", SETTING_TEXT, "", 0, 0, NULL,
     "PostgreSQL: a connection string or URI, without a password; empty: SQLite"},
    {"database/password_file", SETTING_TEXT, "", 0, 0, NULL,
     "PostgreSQL: a file whose first line is the password; empty: none is needed"},
    {"database/path", SETTING_TEXT, "{data}/orders.db", 0, 0, NULL,
     "SQLite: the order database's file, for one order consumer"},
    {"database/busy", SETTING_DURATION, "5s", 0, 60000, NULL,
     "how long another's lock on the database is waited for"},
    {"batch", SETTING_INTEGER, "1024", 1, HERALD_CONSUMER_BATCH_MAX, NULL,
     "notifications in one transaction at most"},
    {"hang", SETTING_DURATION, "30s", 100, 3600000, NULL,
     "a batch that takes longer hangs: what was not started is handed back"},
    SERVICE_COMMON_SETTINGS,
};

static err_t
copy_name(const settings_t *settings, const char *path, char to[LIMIT_NAME_BYTES + 1],
          struct why *why)
{
    const char *text = settings_text(settings, path);
    if (strlen(text) < 1 || strlen(text) > LIMIT_NAME_BYTES) {
        return why_set(why, ERR_INVALID, "%s: must have 1 to %d bytes", path, LIMIT_NAME_BYTES);
    }
    memcpy(to, text, strlen(text) + 1);
    return ERR_OK;
}

static void
name_of_process(char to[LIMIT_NAME_BYTES + 1])
{
    char host[HOST_BYTES + 1] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        memcpy(host, "host", sizeof "host");
    }
    (void)snprintf(to, LIMIT_NAME_BYTES + 1, "%s-%ld", host, (long)getpid()); /* fits */
}

err_t
order_settings_read(const settings_t *settings, struct order_settings *values, struct why *why)
{
    *values = (struct order_settings){
        .busy_ms = (int)settings_number(settings, "database/busy"),
        .batch_max = (size_t)settings_number(settings, "batch"),
        .hang_ms = (uint32_t)settings_number(settings, "hang"),
        .insecure = settings_number(settings, "insecure") != 0,
    };
    err_t rc = copy_name(settings, "group", values->group, why);
    if (rc == ERR_OK && settings_text(settings, "name")[0] != '\0') {
        rc = copy_name(settings, "name", values->name, why);
    } else {
        name_of_process(values->name);
    }
    if (rc == ERR_OK) {
        values->producer = settings_text(settings, "producer");
        values->front = settings_text(settings, "front/bind");
        values->curve = settings_text(settings, "curve/directory");
        values->path = settings_text(settings, "database/path");
        values->url = settings_text(settings, "database/url");
        values->password_file = settings_text(settings, "database/password_file");
        values->database = values->url[0] != '\0' ? values->url : values->path;
    }
    return rc;
}
