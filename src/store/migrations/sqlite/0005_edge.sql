-- What an edge passes on to the gateway upstream of it: one row a submission set, queued in the transaction of the act.
-- The same for PostgreSQL: ../postgres/0005_edge.sql.

CREATE TABLE upstream (
    space_id           TEXT    NOT NULL,
    set_uuid           TEXT    NOT NULL,
    -- Rows of one space go one after the other.
    place              BIGINT  NOT NULL,
    -- provide: a set of documents. update: a change of what was provided.
    kind               TEXT    NOT NULL,
    -- queued, sent, refused, given_up.
    state              TEXT    NOT NULL,
    -- uniqueIds, a space between them.
    documents          TEXT    NOT NULL,
    queued_ms          BIGINT  NOT NULL,
    due_ms             BIGINT  NOT NULL,
    settled_ms         BIGINT,
    -- Every time it was tried, and those that failed by the message itself, not by the line.
    attempts           BIGINT  NOT NULL,
    failures           BIGINT  NOT NULL,
    -- What the other said last: its code, ours where it has one, the place it names. Never its text.
    code               TEXT    NOT NULL,
    word               TEXT    NOT NULL,
    told_place         TEXT    NOT NULL,
    -- Absent once it is sent: the space has all of it.
    sealed_payload     BLOB,
    PRIMARY KEY (space_id, set_uuid)
);
CREATE INDEX upstream_due ON upstream (due_ms) WHERE state = 'queued';
CREATE INDEX upstream_open ON upstream (space_id, place) WHERE state <> 'sent';
