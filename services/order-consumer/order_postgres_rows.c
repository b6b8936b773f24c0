#include "order_postgres_rows.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX ORDER_POSTGRES_ROWS_COLUMNS_MAX

enum statement {
    READ_ORDERS = 0,
    READ_KEYS,
    WRITE_LOG,
    INSERT_ORDERS,
    UPDATE_ORDERS,
    WRITE_UNDO,
    STATEMENT_COUNT,
};

/* t, n, b: an array of texts, numbers, bytes; N: a number. */
static const struct {
    const char *name;
    const char *parameters;
    const char *text;
} statements[STATEMENT_COUNT] = {
    [READ_ORDERS] = {"read_orders", "t",
                     "SELECT biz_id, status, held_from, amount, refunded, currency, version"
                     " FROM order_table WHERE biz_id = ANY ($1) ORDER BY biz_id"
                     " FOR NO KEY UPDATE"},
    [READ_KEYS] = {"read_keys", "t",
                   "SELECT biz_id, status, content_hash, undo_result FROM notify_log"
                   " WHERE biz_id = ANY ($1)"},
    [WRITE_LOG] = {"write_log", "tttntbtN",
                   "INSERT INTO notify_log AS log (biz_id, order_id, topic, version, status,"
                   " content_hash, reason, created_time, updated_time)"
                   " SELECT u.*, $8, $8 FROM unnest($1, $2, $3, $4, $5, $6, $7)"
                   " AS u (biz_id, order_id, topic, version, status, content_hash, reason)"
                   " ORDER BY u.biz_id COLLATE \"C\""
                   " ON CONFLICT (biz_id) DO UPDATE SET order_id = excluded.order_id,"
                   " status = excluded.status, reason = excluded.reason,"
                   " updated_time = excluded.updated_time"
                   " WHERE log.status = 'FAILURE' AND log.content_hash = excluded.content_hash"},
    [INSERT_ORDERS] = {"insert_orders", "ttntnN",
                       "INSERT INTO order_table (biz_id, status, amount, currency, version,"
                       " created_time, updated_time)"
                       " SELECT u.*, $6, $6 FROM unnest($1, $2, $3, $4, $5)"
                       " AS u (biz_id, status, amount, currency, version)"
                       " ORDER BY u.biz_id COLLATE \"C\" ON CONFLICT (biz_id) DO NOTHING"},
    [UPDATE_ORDERS] = {"update_orders", "ttnntN",
                       "UPDATE order_table AS o SET status = u.status, held_from = u.held_from,"
                       " refunded = u.refunded, version = u.version, updated_time = $6"
                       " FROM unnest($1, $2, $3, $4, $5)"
                       " AS u (biz_id, status, refunded, version, held_from)"
                       " WHERE o.biz_id = u.biz_id"},
    [WRITE_UNDO] = {"write_undo", "ttN",
                    "UPDATE notify_log AS log SET undo_result = u.undo_result, updated_time = $3"
                    " FROM unnest($1, $2) AS u (biz_id, undo_result)"
                    " WHERE log.biz_id = u.biz_id AND log.status = 'FENCED'"
                    " AND log.undo_result IS NULL"},
};

static Oid
array_of(char letter)
{
    return letter == 't'   ? ORDER_POSTGRES_ARRAY_OF_TEXT
           : letter == 'b' ? ORDER_POSTGRES_ARRAY_OF_BYTEA
                           : ORDER_POSTGRES_ARRAY_OF_INT8;
}

/* The types of a statement's parameters; returns their number. */
static int
parameter_types(enum statement statement, Oid types[COLUMNS_MAX])
{
    const char *letters = statements[statement].parameters;
    int count = 0;
    for (; letters[count] != '\0'; count++) {
        types[count] =
            letters[count] == 'N' ? (Oid)ORDER_POSTGRES_ARRAY_INT8 : array_of(letters[count]);
    }
    return count;
}

static void
start_columns(struct order_postgres_rows *self, enum statement statement)
{
    const char *letters = statements[statement].parameters;
    for (int i = 0; letters[i] != '\0'; i++) {
        order_postgres_array_start(&self->columns[i], letters[i] == 't' ? ORDER_POSTGRES_ARRAY_TEXT
                                                      : letters[i] == 'b'
                                                          ? ORDER_POSTGRES_ARRAY_BYTEA
                                                          : ORDER_POSTGRES_ARRAY_INT8);
    }
}

/* How a statement is queued. */
struct run {
    order_postgres_link_t *link;
    int64_t now_unix_ms; /* where it has a last parameter for it */
    int64_t rows;        /* that it must change; -1: any number */
    PGresult **keep;     /* or NULL */
};

/* Queue the statement over its columns. */
static void
queue(struct order_postgres_rows *self, enum statement statement, const struct run *how)
{
    Oid types[COLUMNS_MAX];
    const char *values[COLUMNS_MAX];
    int sizes[COLUMNS_MAX];
    uint8_t now[8];
    int count = parameter_types(statement, types);
    for (int i = 0; i < count; i++) {
        values[i] = (const char *)self->columns[i].data;
        sizes[i] = (int)self->columns[i].size;
    }
    if (types[count - 1] == ORDER_POSTGRES_ARRAY_INT8) {
        for (int i = 0; i < 8; i++) {
            now[i] = (uint8_t)((uint64_t)how->now_unix_ms >> (56 - 8 * i));
        }
        values[count - 1] = (const char *)now;
        sizes[count - 1] = sizeof now;
    }
    order_postgres_link_queue(
        how->link, &(struct order_postgres_link_query){.name = statements[statement].name,
                                                       .count = count,
                                                       .types = types,
                                                       .values = values,
                                                       .sizes = sizes,
                                                       .rows = how->rows,
                                                       .keep = how->keep});
}

void
order_postgres_rows_fini(struct order_postgres_rows *self)
{
    for (size_t i = 0; i < ORDER_POSTGRES_ROWS_COLUMNS_MAX; i++) {
        order_postgres_array_fini(&self->columns[i]);
    }
}

void
order_postgres_rows_queue_prepare(order_postgres_link_t *link)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        Oid types[COLUMNS_MAX];
        int count = parameter_types((enum statement)i, types);
        order_postgres_link_queue(link,
                                  &(struct order_postgres_link_query){.name = statements[i].name,
                                                                      .text = statements[i].text,
                                                                      .count = count,
                                                                      .types = types,
                                                                      .rows = -1});
    }
}

void
order_postgres_rows_queue_reads(struct order_postgres_rows *self, order_postgres_link_t *link,
                                const order_work_t *work, PGresult **orders, PGresult **keys)
{
    start_columns(self, READ_ORDERS);
    for (size_t i = 0; i < work->order_count; i++) {
        order_postgres_array_add_word(&self->columns[0], work->orders[i].order_id);
    }
    queue(self, READ_ORDERS, &(struct run){.link = link, .rows = -1, .keep = orders});
    start_columns(self, READ_KEYS);
    for (size_t i = 0; i < work->key_count; i++) {
        const struct order_work_key *key = &work->keys[i];
        order_postgres_array_add(&self->columns[0], key->biz_id, key->biz_id_size);
    }
    queue(self, READ_KEYS, &(struct run){.link = link, .rows = -1, .keep = keys});
}

static int64_t
number_at(const PGresult *result, int row, int column)
{
    const uint8_t *bytes = (const uint8_t *)PQgetvalue(result, row, column);
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return (int64_t)number;
}

bool
order_postgres_rows_take_orders(order_work_t *work, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct order_work_order *view = order_work_find_order(work, PQgetvalue(result, row, 0));
        if (view == NULL) {
            return false;
        }
        const char *currency = PQgetvalue(result, row, 5);
        if (strlen(currency) != ORDER_EVENT_CURRENCY_BYTES) {
            return false;
        }
        view->order = (struct order_rules_order){
            .status = order_status_of_word(PQgetvalue(result, row, 1)),
            .held_from = order_status_of_word(PQgetvalue(result, row, 2)), /* NULL reads as "" */
            .amount = number_at(result, row, 3),
            .refunded = number_at(result, row, 4),
            .version = (uint64_t)number_at(result, row, 6),
        };
        memcpy(view->order.currency, currency, ORDER_EVENT_CURRENCY_BYTES + 1);
        if (view->order.status == ORDER_STATUS_UNKNOWN) {
            return false;
        }
    }
    return true;
}

bool
order_postgres_rows_take_keys(order_work_t *work, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct order_work_key *key = order_work_find_key(work, PQgetvalue(result, row, 0),
                                                         (size_t)PQgetlength(result, row, 0));
        if (key == NULL || PQgetlength(result, row, 2) != ORDER_ITEM_HASH_BYTES) {
            return false;
        }
        key->status =
            order_work_of_word(PQgetvalue(result, row, 1), (size_t)PQgetlength(result, row, 1));
        memcpy(key->hash, PQgetvalue(result, row, 2), ORDER_ITEM_HASH_BYTES);
        (void)snprintf(key->undo_result, sizeof key->undo_result, "%s",
                       PQgetvalue(result, row, 3)); /* was no longer when it was written */
        if (key->status == ORDER_WORK_NO_ROW) {
            return false;
        }
    }
    return true;
}

static void
add_or_null(struct order_postgres_array *column, const char *word)
{
    if (word[0] == '\0') {
        order_postgres_array_add_null(column);
    } else {
        order_postgres_array_add_word(column, word);
    }
}

static void
add_log_row(struct order_postgres_rows *self, const struct order_work_item *item)
{
    order_postgres_array_add(&self->columns[0], item->item->biz_id, item->item->biz_id_size);
    add_or_null(&self->columns[1], item->event.order_id);
    order_postgres_array_add(&self->columns[2], item->item->topic, item->item->topic_size);
    order_postgres_array_add_number(&self->columns[3], (int64_t)item->item->version);
    order_postgres_array_add_word(&self->columns[4], order_work_word(item->write.row));
    order_postgres_array_add(&self->columns[5], item->hash, sizeof item->hash);
    add_or_null(&self->columns[6], item->write.reason);
}

static void
add_new_order(struct order_postgres_rows *self, const struct order_work_item *item)
{
    const struct order_rules_order *order = &item->write.order;
    order_postgres_array_add_word(&self->columns[0], item->event.order_id);
    order_postgres_array_add_word(&self->columns[1], order_status_word(order->status));
    order_postgres_array_add_number(&self->columns[2], order->amount);
    order_postgres_array_add_word(&self->columns[3], order->currency);
    order_postgres_array_add_number(&self->columns[4], (int64_t)order->version);
}

static void
add_changed_order(struct order_postgres_rows *self, const struct order_work_item *item)
{
    const struct order_rules_order *order = &item->write.order;
    order_postgres_array_add_word(&self->columns[0], item->event.order_id);
    order_postgres_array_add_word(&self->columns[1], order_status_word(order->status));
    order_postgres_array_add_number(&self->columns[2], order->refunded);
    order_postgres_array_add_number(&self->columns[3], (int64_t)order->version);
    add_or_null(&self->columns[4],
                order->status == ORDER_STATUS_ON_HOLD ? order_status_word(order->held_from) : "");
}

static void
add_undo_result(struct order_postgres_rows *self, const struct order_work_item *item)
{
    order_postgres_array_add(&self->columns[0], item->item->biz_id, item->item->biz_id_size);
    order_postgres_array_add_word(&self->columns[1], item->write.undo_result);
}

/* Whether the item has a row for the statement. */
static bool
has_part(const struct order_work_item *item, enum statement statement)
{
    switch (statement) {
    case WRITE_LOG:
        return item->write.row != ORDER_WORK_NO_ROW;
    case INSERT_ORDERS:
        return item->write.change == ORDER_WORK_INSERT;
    case UPDATE_ORDERS:
        return item->write.change == ORDER_WORK_UPDATE;
    case WRITE_UNDO:
        return item->write.undo_result != NULL;
    case READ_ORDERS:
    case READ_KEYS:
    case STATEMENT_COUNT:
    default:
        return false;
    }
}

void
order_postgres_rows_queue_writes(struct order_postgres_rows *self, order_postgres_link_t *link,
                                 const order_work_t *work)
{
    static const struct {
        enum statement statement;
        void (*add)(struct order_postgres_rows *self, const struct order_work_item *item);
    } parts[] = {{WRITE_LOG, add_log_row},
                 {INSERT_ORDERS, add_new_order},
                 {UPDATE_ORDERS, add_changed_order},
                 {WRITE_UNDO, add_undo_result}};
    for (uint16_t wave = 0; wave < work->wave_count; wave++) {
        for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
            int64_t rows = 0;
            start_columns(self, parts[part].statement);
            for (size_t i = 0; i < work->item_count; i++) {
                const struct order_work_item *item = &work->items[i];
                if (item->write.wave == wave && has_part(item, parts[part].statement)) {
                    parts[part].add(self, item);
                    rows++;
                }
            }
            if (rows > 0) {
                queue(self, parts[part].statement,
                      &(struct run){.link = link, .now_unix_ms = work->now_unix_ms, .rows = rows});
            }
        }
    }
}
