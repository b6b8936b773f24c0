#include "service_tables.h"

#include "compensator_settings.h"
#include "order_settings.h"
#include "producer_settings.h"
#include "scheduler_settings.h"

const struct setting *const service_tables[] = {
    producer_settings_table,
    scheduler_settings_table,
    compensator_settings_table,
    order_settings_table,
    NULL,
};
