-- Tables of the hunting schema as the tenant answered: `columns` holds a line `name type` each, NULL where
-- the tenant has no such table.
CREATE TABLE hunting_table (
    name    TEXT PRIMARY KEY,
    at      INTEGER NOT NULL,
    columns TEXT
) WITHOUT ROWID;
