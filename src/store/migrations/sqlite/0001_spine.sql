-- Spaces, documents, traces, outbox. Every row of a space carries the space first in its key, so that tables can be
-- partitioned by it; look-up tables (ins_index, unique_key) are the two doors from outside identifiers to a space.

-- Tables of small rows are their primary key's tree (WITHOUT ROWID): one tree to write instead of two.
CREATE TABLE space (
    space_id           TEXT    NOT NULL PRIMARY KEY,
    state              TEXT    NOT NULL,
    revision           BIGINT  NOT NULL,
    noticed_ms         BIGINT  NOT NULL,
    centre15           BOOLEAN NOT NULL,
    bris_de_glace      BOOLEAN NOT NULL,
    emergency_masked   BOOLEAN NOT NULL
);

CREATE TABLE holder (
    space_id           TEXT    NOT NULL PRIMARY KEY,
    matricule          TEXT    NOT NULL,
    oid                TEXT    NOT NULL,
    traits             TEXT    NOT NULL
);

CREATE TABLE ins_index (
    matricule          TEXT    NOT NULL,
    oid                TEXT    NOT NULL,
    space_id           TEXT    NOT NULL,
    PRIMARY KEY (matricule, oid)
) WITHOUT ROWID;

CREATE TABLE authorisation (
    space_id           TEXT    NOT NULL,
    grantee            TEXT    NOT NULL,
    is_structure       BOOLEAN NOT NULL,
    kind               TEXT    NOT NULL,
    since_ms           BIGINT  NOT NULL,
    PRIMARY KEY (space_id, grantee, is_structure)
) WITHOUT ROWID;

CREATE TABLE medecin_traitant (
    space_id           TEXT    NOT NULL,
    professional       TEXT    NOT NULL,
    PRIMARY KEY (space_id, professional)
) WITHOUT ROWID;

CREATE TABLE submission_set (
    space_id           TEXT    NOT NULL,
    entry_uuid         TEXT    NOT NULL,
    unique_id          TEXT    NOT NULL,
    deposited_ms       BIGINT  NOT NULL,
    submission_time    TEXT    NOT NULL,
    owners             TEXT    NOT NULL,
    metadata           TEXT    NOT NULL,
    original_type      TEXT    NOT NULL,
    original           BLOB    NOT NULL,
    PRIMARY KEY (space_id, entry_uuid)
);

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
    metadata           TEXT    NOT NULL,
    body_id            TEXT    NOT NULL,
    PRIMARY KEY (space_id, entry_uuid)
);
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
) WITHOUT ROWID;
CREATE INDEX association_by_source ON association (space_id, source);
CREATE INDEX association_by_target ON association (space_id, target);

CREATE TABLE unique_key (
    unique_id          TEXT    NOT NULL PRIMARY KEY,
    space_id           TEXT    NOT NULL,
    entry_uuid         TEXT    NOT NULL,
    sha256             TEXT    NOT NULL
) WITHOUT ROWID;

-- A body is published by its row here, in the transaction of its entry; bytes without a row are leftovers of an
-- upload that was never acknowledged. Small bodies stand in the row itself, so that they cost no file sync of their own.
CREATE TABLE body (
    space_id           TEXT    NOT NULL,
    body_id            TEXT    NOT NULL,
    size               BIGINT  NOT NULL,
    sha256             TEXT    NOT NULL,
    content            BLOB,
    PRIMARY KEY (space_id, body_id)
);

-- One log per origin (a process), each event linked to the one before by its hash.
CREATE TABLE trace (
    origin             TEXT    NOT NULL,
    seq                BIGINT  NOT NULL,
    space_id           TEXT    NOT NULL,
    at_ms              BIGINT  NOT NULL,
    event              TEXT    NOT NULL,
    hash               TEXT    NOT NULL,
    PRIMARY KEY (origin, seq)
) WITHOUT ROWID;
CREATE INDEX trace_by_space ON trace (space_id, at_ms, origin, seq);

-- What is to be sent, queued with the act that causes it.
CREATE TABLE outbox (
    space_id           TEXT    NOT NULL,
    message_id         TEXT    NOT NULL,
    kind               TEXT    NOT NULL,
    payload            TEXT    NOT NULL,
    queued_ms          BIGINT  NOT NULL,
    PRIMARY KEY (space_id, message_id)
) WITHOUT ROWID;

-- Facts about the gateway as a whole (development clock).
CREATE TABLE gateway (
    name               TEXT    NOT NULL PRIMARY KEY,
    value              TEXT    NOT NULL
) WITHOUT ROWID;
