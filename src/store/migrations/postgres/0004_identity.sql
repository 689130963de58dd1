-- Numbers that structures give their patients, spaces that are one person's, and who is told when numbers change.
-- The same for SQLite: ../sqlite/0004_identity.sql.

-- A number as a keyed hash, with its domain: found by who has it and the key, read by nobody.
CREATE TABLE local_index (
    number_hash        TEXT    NOT NULL PRIMARY KEY,
    space_id           TEXT    NOT NULL
) PARTITION BY HASH (number_hash);

-- The numbers of a space's holder.
CREATE TABLE local_identifier (
    space_id           TEXT    NOT NULL,
    number_hash        TEXT    NOT NULL,
    domain             TEXT    NOT NULL,
    sealed_number      BYTEA   NOT NULL,
    since_ms           BIGINT  NOT NULL,
    PRIMARY KEY (space_id, number_hash)
) PARTITION BY HASH (space_id);

-- A space that another has taken over: its trace is left, and who it was.
CREATE TABLE merged_space (
    space_id           TEXT    NOT NULL PRIMARY KEY,
    into_space         TEXT    NOT NULL,
    merged_ms          BIGINT  NOT NULL
);
CREATE INDEX merged_space_by_survivor ON merged_space (into_space);

-- Consumers that are yet to be told of a space (ITI-46): what they are told is read when they are.
CREATE TABLE reference_notice (
    consumer           TEXT    NOT NULL,
    queued_ms          BIGINT  NOT NULL,
    notice_id          TEXT    NOT NULL,
    space_id           TEXT    NOT NULL,
    PRIMARY KEY (consumer, queued_ms, notice_id)
);
