-- The queries being written, as they stand in the tabs of the hunting screen.
CREATE TABLE keep.tab (
    place   INTEGER PRIMARY KEY,
    title   TEXT NOT NULL,
    query   TEXT NOT NULL,
    caret   INTEGER NOT NULL,
    active  INTEGER NOT NULL,
    tenants TEXT NOT NULL
);
