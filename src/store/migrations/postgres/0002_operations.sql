-- The tables of ../sqlite/0002_operations.sql for PostgreSQL. None belongs to a space: none is split.

-- Every trace log: how many events it has, and when its process last committed to it. Written with the events.
CREATE TABLE log (
    origin             TEXT    NOT NULL PRIMARY KEY,
    size               BIGINT  NOT NULL,
    beat_ms            BIGINT  NOT NULL
);
INSERT INTO log (origin, size, beat_ms) SELECT origin, MAX(seq), MAX(at_ms) FROM trace GROUP BY origin;

-- The answer of a time-stamping authority on a signed head (RFC 3161, DER), and when it was given.
ALTER TABLE log_head ADD COLUMN stamp BYTEA;
ALTER TABLE log_head ADD COLUMN stamped_ms BIGINT;

-- Work that any process may take up: leased until an instant, by somebody. A lease that ran out is anybody's.
CREATE TABLE job (
    job_id             TEXT    NOT NULL PRIMARY KEY,
    kind               TEXT    NOT NULL,
    partner            TEXT    NOT NULL,
    every_ms           BIGINT  NOT NULL,
    due_ms             BIGINT  NOT NULL,
    holder             TEXT    NOT NULL,
    leased_until_ms    BIGINT  NOT NULL,
    attempts           BIGINT  NOT NULL,
    progress           TEXT    NOT NULL,
    failure            TEXT    NOT NULL
);
CREATE INDEX job_by_due ON job (due_ms);

-- Kinds of jobs that an operator has stopped.
CREATE TABLE stopped (
    kind               TEXT    NOT NULL PRIMARY KEY,
    since_ms           BIGINT  NOT NULL
);

-- Who is called by jobs: failures in a row, and until when nobody calls.
CREATE TABLE partner (
    partner            TEXT    NOT NULL PRIMARY KEY,
    failures           BIGINT  NOT NULL,
    closed_until_ms    BIGINT  NOT NULL
);

-- How much of each log an audit repository has been given.
CREATE TABLE fed (
    sink               TEXT    NOT NULL,
    origin             TEXT    NOT NULL,
    seq                BIGINT  NOT NULL,
    PRIMARY KEY (sink, origin)
);

-- Bodies outside the database, by identifier alone: what a look for leftovers asks.
CREATE INDEX body_outside ON body (body_id) WHERE sealed_content IS NULL;
