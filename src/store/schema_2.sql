-- Entries of the entity index while a first sync runs: appended here, merged into `sighting` in key
-- order at its end. Written one by one, random keys would dirty a page of the index each.
CREATE TABLE sighting_new (
    hash  INTEGER NOT NULL,
    alert INTEGER NOT NULL
);
