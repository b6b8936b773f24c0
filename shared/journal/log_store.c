#include "journal/log_store.h"

#include "base/check.h"

err_t
log_store_append(log_store_t *self, log_block_t *block, unsigned flags, uint64_t *tag)
{
    CHECK(self->ops->append != NULL);
    return self->ops->append(self, block, flags, tag);
}

err_t
log_store_reap(log_store_t *self, uint64_t *tag, uint64_t *position, struct why *why)
{
    CHECK(self->ops->reap != NULL);
    return self->ops->reap(self, tag, position, why);
}

err_t
log_store_sync(log_store_t *self, struct why *why)
{
    return self->ops->sync(self, why);
}

err_t
log_store_read(log_store_t *self, uint64_t from, uint32_t kinds, log_block_t **block_p,
               struct why *why)
{
    CHECK(block_p != NULL && *block_p == NULL);
    return self->ops->read(self, from, kinds, block_p, why);
}

err_t
log_store_read_back(log_store_t *self, uint64_t up_to, uint32_t kinds, log_block_t **block_p,
                    struct why *why)
{
    CHECK(block_p != NULL && *block_p == NULL);
    return self->ops->read_back(self, up_to, kinds, block_p, why);
}

err_t
log_store_inspect(log_store_t *self, struct log_store_state *state, struct why *why)
{
    return self->ops->inspect(self, state, why);
}

err_t
log_store_trim(log_store_t *self, uint64_t keep_from, struct why *why)
{
    CHECK(self->ops->trim != NULL);
    return self->ops->trim(self, keep_from, why);
}

void
log_store_reserve(log_store_t *self, uint64_t bytes)
{
    CHECK(self->ops->reserve != NULL);
    self->ops->reserve(self, bytes);
}

int
log_store_fd(log_store_t *self)
{
    return self->ops->fd == NULL ? -1 : self->ops->fd(self);
}

bool
log_store_syncs_aside(log_store_t *self)
{
    return self->ops->syncs_aside != NULL && self->ops->syncs_aside(self);
}

void
log_store_close(log_store_t **self_p)
{
    CHECK(self_p != NULL);
    if (*self_p != NULL) {
        (*self_p)->ops->close(self_p);
    }
    CHECK(*self_p == NULL);
}
