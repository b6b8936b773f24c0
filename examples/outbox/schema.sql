-- The provider's side of the outbox pattern. `outbox` lives in the same database as the business
-- tables, so that one transaction writes both: either the payment and its notification are
-- committed, or neither is.
CREATE TABLE IF NOT EXISTS payment (
    id      TEXT PRIMARY KEY,
    amount  INTEGER NOT NULL CHECK (amount > 0)
);

CREATE TABLE IF NOT EXISTS outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which the relay submits
    topic    TEXT NOT NULL CHECK (length(topic) BETWEEN 1 AND 128),
    biz_id   TEXT NOT NULL UNIQUE               -- names the business event; Herald's key
             CHECK (length(CAST(biz_id AS BLOB)) BETWEEN 1 AND 64),
    version  INTEGER NOT NULL DEFAULT 1 CHECK (version >= 0),
    payload  BLOB NOT NULL CHECK (length(payload) <= 65536),
    position INTEGER,                           -- what Herald answered; NULL: not accepted yet
    refused  TEXT                               -- why it never will be: a person looks at it
);

-- Small while the relay keeps up, however many rows there are.
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (id) WHERE position IS NULL AND refused IS NULL;
