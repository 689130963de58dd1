-- The tables of ../sqlite/0001_spine.sql for PostgreSQL. Tables of a space are split by a hash of it: the parts are made
-- when the store is first opened, as many as the configuration says (Store::open). Every query of a hot path names the
-- space, so that it looks into one part only.

CREATE TABLE space (
    space_id           TEXT    NOT NULL PRIMARY KEY,
    state              TEXT    NOT NULL,
    revision           BIGINT  NOT NULL,
    noticed_ms         BIGINT  NOT NULL,
    centre15           BOOLEAN NOT NULL,
    bris_de_glace      BOOLEAN NOT NULL,
    emergency_masked   BOOLEAN NOT NULL
) PARTITION BY HASH (space_id);

-- The space's data key, wrapped by a master key. Without this row what the space holds is unreadable for ever.
CREATE TABLE space_key (
    space_id           TEXT    NOT NULL PRIMARY KEY,
    master_id          TEXT    NOT NULL,
    wrapped            BYTEA    NOT NULL
) PARTITION BY HASH (space_id);

-- Keys of the gateway as a whole, wrapped by a master key.
CREATE TABLE gateway_key (
    name               TEXT    NOT NULL PRIMARY KEY,
    master_id          TEXT    NOT NULL,
    wrapped            BYTEA    NOT NULL
);

CREATE TABLE holder (
    space_id           TEXT    NOT NULL PRIMARY KEY,
    sealed_identity    BYTEA    NOT NULL
) PARTITION BY HASH (space_id);

-- The INS as a keyed hash: found by who has the number and the key, read by nobody.
CREATE TABLE ins_index (
    ins_hash           TEXT    NOT NULL PRIMARY KEY,
    space_id           TEXT    NOT NULL
) PARTITION BY HASH (ins_hash);

CREATE TABLE authorisation (
    space_id           TEXT    NOT NULL,
    grantee            TEXT    NOT NULL,
    is_structure       BOOLEAN NOT NULL,
    kind               TEXT    NOT NULL,
    since_ms           BIGINT  NOT NULL,
    PRIMARY KEY (space_id, grantee, is_structure)
) PARTITION BY HASH (space_id);

CREATE TABLE medecin_traitant (
    space_id           TEXT    NOT NULL,
    professional       TEXT    NOT NULL,
    PRIMARY KEY (space_id, professional)
) PARTITION BY HASH (space_id);

CREATE TABLE submission_set (
    space_id           TEXT    NOT NULL,
    entry_uuid         TEXT    NOT NULL,
    unique_id          TEXT    NOT NULL,
    deposited_ms       BIGINT  NOT NULL,
    submission_time    TEXT    NOT NULL,
    owners             TEXT    NOT NULL,
    sealed_metadata    BYTEA    NOT NULL,
    original_type      TEXT    NOT NULL,
    sealed_original    BYTEA    NOT NULL,
    PRIMARY KEY (space_id, entry_uuid)
) PARTITION BY HASH (space_id);

CREATE TABLE document_entry (
    space_id           TEXT    NOT NULL,
    entry_uuid         TEXT    NOT NULL,
    unique_id          TEXT    NOT NULL,
    status             TEXT    NOT NULL,
    type_code          TEXT    NOT NULL,
    creation_time      TEXT    NOT NULL,
    service_start      TEXT,
    deposited_ms       BIGINT  NOT NULL,
    owners             TEXT    NOT NULL,
    sealed_metadata    BYTEA    NOT NULL,
    body_id            TEXT    NOT NULL,
    PRIMARY KEY (space_id, entry_uuid)
) PARTITION BY HASH (space_id);
CREATE INDEX document_entry_by_unique_id ON document_entry (space_id, unique_id);
CREATE INDEX document_entry_by_kind ON document_entry (space_id, status, type_code, deposited_ms);

CREATE TABLE association (
    space_id           TEXT    NOT NULL,
    entry_uuid         TEXT    NOT NULL,
    kind               TEXT    NOT NULL,
    source             TEXT    NOT NULL,
    target             TEXT    NOT NULL,
    slots              TEXT    NOT NULL,
    PRIMARY KEY (space_id, entry_uuid)
) PARTITION BY HASH (space_id);
CREATE INDEX association_by_source ON association (space_id, source);
CREATE INDEX association_by_target ON association (space_id, target);

CREATE TABLE unique_key (
    unique_id          TEXT    NOT NULL PRIMARY KEY,
    space_id           TEXT    NOT NULL,
    entry_uuid         TEXT    NOT NULL,
    sha256             TEXT    NOT NULL
) PARTITION BY HASH (unique_id);

-- A body is published by its row here, in the transaction of its entry; bytes without a row are leftovers of an
-- upload that was never acknowledged. Small bodies stand in the row itself, so that they cost no file sync of their own.
CREATE TABLE body (
    space_id           TEXT    NOT NULL,
    body_id            TEXT    NOT NULL,
    size               BIGINT  NOT NULL,
    sha256             TEXT    NOT NULL,
    sealed_content     BYTEA,
    -- Key of a body that stands outside the database.
    sealed_key         BYTEA,
    PRIMARY KEY (space_id, body_id)
) PARTITION BY HASH (space_id);

-- One log per origin (a process). Event `seq` is leaf `seq - 1` of the origin's Merkle tree (docs/evidence.md).
CREATE TABLE trace (
    origin             TEXT    NOT NULL,
    seq                BIGINT  NOT NULL,
    space_id           TEXT    NOT NULL,
    at_ms              BIGINT  NOT NULL,
    sealed_event       BYTEA    NOT NULL,
    -- SHA-256 of salt and text of the event: binds the text to the leaf without showing it.
    commitment         BYTEA    NOT NULL,
    PRIMARY KEY (space_id, origin, seq)
) PARTITION BY HASH (space_id);
CREATE INDEX trace_by_space ON trace (space_id, at_ms, origin, seq);
CREATE INDEX trace_by_log ON trace (origin, seq);

-- Hashes of the tree in the order they are completed, 512 a block, full blocks only: what proofs are made from.
CREATE TABLE log_block (
    origin             TEXT    NOT NULL,
    number             BIGINT  NOT NULL,
    hashes             BYTEA    NOT NULL,
    PRIMARY KEY (origin, number)
);

-- Signed heads of the tree, as C2SP checkpoints.
CREATE TABLE log_head (
    origin             TEXT    NOT NULL,
    size               BIGINT  NOT NULL,
    note               TEXT    NOT NULL,
    PRIMARY KEY (origin, size)
);

-- What is to be sent, queued with the act that causes it.
CREATE TABLE outbox (
    space_id           TEXT    NOT NULL,
    message_id         TEXT    NOT NULL,
    kind               TEXT    NOT NULL,
    sealed_payload     BYTEA    NOT NULL,
    queued_ms          BIGINT  NOT NULL,
    PRIMARY KEY (space_id, message_id)
) PARTITION BY HASH (space_id);

-- Facts about the gateway as a whole (development clock).
CREATE TABLE gateway (
    name               TEXT    NOT NULL PRIMARY KEY,
    value              TEXT    NOT NULL
);
