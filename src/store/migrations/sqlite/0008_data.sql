-- Data of a space that are no documents (measures, devices…): one row a version.
-- The same for PostgreSQL: ../postgres/0008_data.sql.

-- `code`, `at_ms` and `until_ms` are what the present version is looked for by; what it says is sealed. Of a datum that was taken away
-- nothing is left but that it was, when.
CREATE TABLE datum (
    space_id           TEXT    NOT NULL,
    kind               TEXT    NOT NULL,
    datum_id           TEXT    NOT NULL,
    version            BIGINT  NOT NULL,
    present            BOOLEAN NOT NULL,
    code               TEXT    NOT NULL,
    at_ms              BIGINT  NOT NULL,
    until_ms           BIGINT  NOT NULL,
    recorded_ms        BIGINT  NOT NULL,
    -- Of what there is only one under its name in a space: the name as a keyed hash.
    name_hash          TEXT,
    sealed_datum       BLOB,
    PRIMARY KEY (space_id, kind, datum_id, version)
) WITHOUT ROWID;
-- What is looked for is found by its kind of measure, or by its time alone.
CREATE INDEX datum_by_time ON datum (space_id, kind, at_ms, datum_id, until_ms) WHERE present;
CREATE INDEX datum_by_code ON datum (space_id, kind, code, at_ms, datum_id, until_ms) WHERE present;
CREATE UNIQUE INDEX datum_by_name ON datum (space_id, kind, name_hash) WHERE present AND name_hash IS NOT NULL;
