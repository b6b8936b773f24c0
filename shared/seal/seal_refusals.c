#include "seal/seal_refusals.h"

#include <stdio.h>
#include <string.h>

static uint64_t
mix(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) { /* FNV-1a */
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
    }
    return (hash ^ 0xffU) * 0x100000001b3ULL;
}

static uint64_t
hash_of(const struct seal_refused *refused)
{
    uint64_t hash = 0xcbf29ce484222325ULL ^ refused->key;
    hash = mix(hash, refused->domain);
    hash = mix(hash, refused->reason);
    hash = mix(hash, refused->address);
    return hash == 0 ? 1 : hash;
}

void
seal_refusals_take(struct seal_refusals *self, const struct seal_refused *refused, int64_t now_ms)
{
    seal_refusals_tick(self, now_ms);
    if (self->period_ms == 0) {
        self->period_ms = now_ms + SEAL_REFUSALS_PERIOD_MS;
    }
    uint64_t hash = hash_of(refused);
    struct seal_refusal_slot *free_one = NULL;
    for (size_t i = 0; i < SEAL_REFUSALS_MAX; i++) {
        struct seal_refusal_slot *slot = &self->slots[i];
        if (slot->hash == hash) {
            slot->more++;
            return;
        }
        free_one = slot->hash == 0 && free_one == NULL ? slot : free_one;
    }
    if (free_one == NULL) {
        self->others++;
        return;
    }
    *free_one = (struct seal_refusal_slot){
        .hash = hash,
        .key = refused->key,
        .domain = refused->domain,
        .reason = refused->reason,
    };
    (void)snprintf(free_one->user, sizeof free_one->user, "%s", refused->user); /* or cut */
    (void)snprintf(free_one->address, sizeof free_one->address, "%s", refused->address);
    struct seal_refused told = *refused;
    told.count = 1;
    told.others = 0;
    self->tell(self->context, &told);
}

void
seal_refusals_tick(struct seal_refusals *self, int64_t now_ms)
{
    if (self->period_ms == 0 || now_ms < self->period_ms) {
        return;
    }
    self->period_ms = 0;
    for (size_t i = 0; i < SEAL_REFUSALS_MAX; i++) {
        struct seal_refusal_slot *slot = &self->slots[i];
        if (slot->hash == 0) {
            continue;
        }
        if (slot->more == 0) {
            slot->hash = 0; /* it has stopped */
            continue;
        }
        const struct seal_refused told = {
            .key = slot->key,
            .domain = slot->domain,
            .reason = slot->reason,
            .user = slot->user,
            .address = slot->address,
            .count = slot->more,
        };
        slot->more = 0;
        self->period_ms = now_ms + SEAL_REFUSALS_PERIOD_MS;
        self->tell(self->context, &told);
    }
    if (self->others > 0) {
        const struct seal_refused told = {
            .domain = "", .reason = "", .user = "", .address = "", .others = self->others};
        self->others = 0;
        self->tell(self->context, &told);
    }
}
