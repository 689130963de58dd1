-- Who is to be told of what comes into a space (ITI-52), and what they are yet to be told (ITI-53).
-- The same for PostgreSQL: ../postgres/0006_subscriptions.sql.

CREATE TABLE subscription (
    space_id            TEXT    NOT NULL,
    subscription_id     TEXT    NOT NULL,
    -- Who asked, for what, and where to tell it.
    sealed_subscription BLOB    NOT NULL,
    since_ms            BIGINT  NOT NULL,
    ends_ms             BIGINT  NOT NULL,
    PRIMARY KEY (space_id, subscription_id)
) WITHOUT ROWID;

-- One row a set and subscription, in the transaction of the set: whether it fits, and may be told, is looked at when it is.
CREATE TABLE publication (
    space_id            TEXT    NOT NULL,
    subscription_id     TEXT    NOT NULL,
    set_uuid            TEXT    NOT NULL,
    queued_ms           BIGINT  NOT NULL,
    due_ms              BIGINT  NOT NULL,
    attempts            BIGINT  NOT NULL,
    PRIMARY KEY (space_id, subscription_id, set_uuid)
) WITHOUT ROWID;
CREATE INDEX publication_due ON publication (due_ms);
