-- What cannot be read again from a service: the journal and the hunts. In a file of its own beside the
-- cache, so that nothing that happens to the cache happens to it.

CREATE TABLE keep.journal (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    at                INTEGER NOT NULL,
    updated           INTEGER NOT NULL,
    who               TEXT NOT NULL,
    tenant            TEXT NOT NULL,
    operation         TEXT NOT NULL,
    title             TEXT NOT NULL,
    target            TEXT NOT NULL,
    request           TEXT NOT NULL,
    state             TEXT NOT NULL,
    detail            TEXT NOT NULL,
    action            TEXT,
    client_request_id TEXT NOT NULL,
    request_id        TEXT
);
CREATE INDEX keep.journal_state ON journal (state);
-- Every move of an entry, so that the audit shows how it came to its end.
CREATE TABLE keep.journal_step (
    entry  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    state  TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX keep.journal_step_entry ON journal_step (entry);

CREATE TABLE keep.hunt (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    query  TEXT NOT NULL,
    took   INTEGER NOT NULL,
    rows   INTEGER,
    error  TEXT,
    engine TEXT NOT NULL
);
