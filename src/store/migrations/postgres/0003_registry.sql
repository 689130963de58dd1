-- The registry whole: folders, versions of metadata, the state of sets and links.
-- The same for SQLite: ../sqlite/0003_registry.sql.

-- A folder, one row a version of its metadata. `last_update` is the registry's: it moves when something goes in.
CREATE TABLE folder (
    space_id           TEXT    NOT NULL,
    entry_uuid         TEXT    NOT NULL,
    logical_id         TEXT    NOT NULL,
    unique_id          TEXT    NOT NULL,
    status             TEXT    NOT NULL,
    superseded         BOOLEAN NOT NULL,
    last_update        TEXT    NOT NULL,
    owners             TEXT    NOT NULL,
    sealed_metadata    BYTEA   NOT NULL,
    PRIMARY KEY (space_id, entry_uuid)
) PARTITION BY HASH (space_id);

-- An entry is superseded when its metadata have a newer version; its document, replaced by another, is deprecated.
ALTER TABLE document_entry ADD COLUMN superseded BOOLEAN NOT NULL DEFAULT FALSE;
-- Of entries whose metadata have versions; others are their own first version.
ALTER TABLE document_entry ADD COLUMN logical_id TEXT;

ALTER TABLE submission_set ADD COLUMN status TEXT NOT NULL DEFAULT 'approved';

ALTER TABLE association ADD COLUMN status TEXT NOT NULL DEFAULT 'approved';
-- The code that says why, as JSON.
ALTER TABLE association ADD COLUMN documentation TEXT;

-- The stored hashes of a log that filled no block when its last head was signed: proofs need not hash those events again.
CREATE TABLE log_tail (
    origin             TEXT    NOT NULL PRIMARY KEY,
    number             BIGINT  NOT NULL,
    hashes             BYTEA   NOT NULL
);

-- Traits as keyed hashes: found by who has enough of them and the key (TD0.5), read by nobody.
CREATE TABLE trait_index (
    trait_hash         TEXT    NOT NULL,
    space_id           TEXT    NOT NULL,
    PRIMARY KEY (trait_hash, space_id)
) PARTITION BY HASH (trait_hash);

-- Which spaces somebody is authorised on (TD0.4). The one look-up that goes through every part.
CREATE INDEX authorisation_by_grantee ON authorisation (grantee, is_structure, since_ms) WHERE kind = 'given';
