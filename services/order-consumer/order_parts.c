#include "order_parts.h"

struct order_db_options
order_parts_database(const struct order_settings *settings)
{
    return (struct order_db_options){
        .path = settings->path,
        .url = settings->url,
        .password_file = settings->password_file,
        .group = settings->group,
        .busy_ms = settings->busy_ms,
    };
}

struct order_front_options
order_parts_front(const struct order_settings *settings)
{
    return (struct order_front_options){
        .endpoints = settings->front,
        .curve = settings->curve,
        .insecure = settings->insecure,
    };
}

struct herald_consumer_options
order_parts_consumer(const struct order_settings *settings)
{
    return (struct herald_consumer_options){
        .producer = settings->producer,
        .keys = settings->curve[0] == '\0' ? NULL : settings->curve,
        .group = settings->group,
        .name = settings->name,
        .batch_max = settings->batch_max,
        .hang_ms = settings->hang_ms,
    };
}

err_t
order_parts_check(const struct order_settings *settings, struct why *why)
{
    const struct order_db_options database = order_parts_database(settings);
    const struct order_front_options front = order_parts_front(settings);
    const struct herald_consumer_options consumer = order_parts_consumer(settings);
    err_t rc = order_db_check(&database, why);
    if (rc == ERR_OK) {
        rc = order_front_check(&front, why);
    }
    return rc == ERR_OK ? herald_consumer_check(&consumer, why) : rc;
}
