-- Times are nanoseconds since 1970, in UTC. `row` is the compact list row, `json` what the service sent,
-- compressed; they live apart so that a scan of the rows touches nothing else.

CREATE TABLE incident (
    n           INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    updated     INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    first_seen  INTEGER NOT NULL,
    last_viewed INTEGER,
    row         BLOB NOT NULL
);
CREATE TABLE incident_json (n INTEGER PRIMARY KEY, json BLOB NOT NULL);

CREATE TABLE alert (
    n        INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    incident TEXT,
    updated  INTEGER NOT NULL,
    row      BLOB NOT NULL,
    entities BLOB NOT NULL
);
CREATE INDEX alert_incident ON alert (incident);
CREATE TABLE alert_json (n INTEGER PRIMARY KEY, json BLOB NOT NULL);

-- Where else: `hash` stands for kind and value of an entity.
CREATE TABLE sighting (
    hash  INTEGER NOT NULL,
    alert INTEGER NOT NULL,
    PRIMARY KEY (hash, alert)
) WITHOUT ROWID;

CREATE TABLE action (
    id      TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    machine TEXT,
    json    BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE machine (id TEXT PRIMARY KEY, at INTEGER NOT NULL, json BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE sync (
    endpoint TEXT PRIMARY KEY,
    forward  INTEGER NOT NULL,
    floor    INTEGER,
    target   INTEGER NOT NULL,
    as_of    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE rejected (
    n        INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    why      TEXT NOT NULL,
    json     BLOB NOT NULL,
    UNIQUE (endpoint, json)
);

CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE journal (
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
CREATE INDEX journal_state ON journal (state);
-- Every move of an entry, so that the audit shows how it came to its end.
CREATE TABLE journal_step (
    entry  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    state  TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX journal_step_entry ON journal_step (entry);

CREATE TABLE hunt (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    query  TEXT NOT NULL,
    took   INTEGER NOT NULL,
    rows   INTEGER,
    error  TEXT,
    engine TEXT NOT NULL
);
