-- Two spaces that are one person's and stay two, in both directions: a row for each.
-- The same for SQLite: ../sqlite/0007_links.sql.
CREATE TABLE linked_space (
    space_id           TEXT    NOT NULL,
    other_space        TEXT    NOT NULL,
    since_ms           BIGINT  NOT NULL,
    PRIMARY KEY (space_id, other_space)
) PARTITION BY HASH (space_id);
