/* Chance, the trace, and the first broken promise. */
#include "sim.h"

#include <stdarg.h>
#include <string.h>

int64_t
sim_unix_ms(const struct sim *self)
{
    return SIM_START_UNIX_MS + self->now_ms + self->wall_ms;
}

/* splitmix64 */
uint64_t
sim_draw(struct sim *self)
{
    self->random += 0x9e3779b97f4a7c15U;
    uint64_t z = self->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t
sim_below(struct sim *self, uint64_t bound)
{
    return sim_draw(self) % bound;
}

bool
sim_chance(struct sim *self, uint32_t permille)
{
    return permille > 0 && sim_below(self, 1000) < permille;
}

void
sim_trace(struct sim *self, const char *format, ...)
{
    char *line = self->kept[self->lines % SIM_LINES_KEPT];
    int used = snprintf(line, SIM_LINE_BYTES, "%10lld ", (long long)self->now_ms);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line + used, SIM_LINE_BYTES - (size_t)used, format, arguments); /* cut */
    va_end(arguments);
    self->lines++;
    for (const char *at = line; *at != '\0'; at++) { /* FNV-1a */
        self->hash = (self->hash ^ (uint8_t)*at) * 0x100000001b3U;
    }
    if (self->verbose) {
        printf("%s\n", line);
    }
}

void
sim_violation(struct sim *self, const char *format, ...)
{
    char text[SIM_LINE_BYTES - 32];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* cut */
    va_end(arguments);
    sim_trace(self, "VIOLATION %s", text);
    if (!self->failed) {
        self->failed = true;
        memcpy(self->failure, text, sizeof text);
    }
}
