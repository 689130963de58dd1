-- Whether the holder opposed that values of documents feed their measures. The same: ../postgres/0009_feeding.sql.
ALTER TABLE space ADD COLUMN feeding_opposed BOOLEAN NOT NULL DEFAULT FALSE;
