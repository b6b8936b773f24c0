#include "wire_print.h"

#include <inttypes.h>
#include <msgpack.h>

static void
print_bytes(FILE *to, const char *bytes, uint32_t size)
{
    (void)fputs("h'", to);
    for (uint32_t i = 0; i < size; i++) {
        (void)fprintf(to, "%02x", (unsigned char)bytes[i]);
    }
    (void)fputs("'", to);
}

static void
print_scalar(FILE *to, const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        (void)fprintf(to, "%" PRIu64, object->via.u64);
    } else if (object->type == MSGPACK_OBJECT_STR) {
        (void)fprintf(to, "\"%.*s\"", (int)object->via.str.size, object->via.str.ptr);
    } else if (object->type == MSGPACK_OBJECT_BIN) {
        print_bytes(to, object->via.bin.ptr, object->via.bin.size);
    } else if (object->type == MSGPACK_OBJECT_BOOLEAN) {
        (void)fputs(object->via.boolean ? "true" : "false", to);
    } else {
        (void)fputs(object->type == MSGPACK_OBJECT_NIL ? "nil" : "?", to);
    }
}

/* Depth is bounded: only our own examples, seven deep, are printed. */
static void
print_object(FILE *to, const msgpack_object *object) // NOLINT(misc-no-recursion)
{
    if (object->type != MSGPACK_OBJECT_ARRAY) {
        print_scalar(to, object);
        return;
    }
    (void)fputs("[", to);
    for (uint32_t i = 0; i < object->via.array.size; i++) {
        (void)fputs(i == 0 ? "" : ", ", to);
        print_object(to, &object->via.array.ptr[i]);
    }
    (void)fputs("]", to);
}

int
wire_print(FILE *to, const uint8_t *bytes, size_t size)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    int rc = msgpack_unpack_next(&unpacked, (const char *)bytes, size, &offset);
    int bad = rc != MSGPACK_UNPACK_SUCCESS || offset != size;
    if (!bad) {
        print_object(to, &unpacked.data);
    }
    msgpack_unpacked_destroy(&unpacked);
    return bad;
}
