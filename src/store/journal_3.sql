-- Where a tab asks; those that are not here ask the service.
CREATE TABLE keep.tab_engine (place INTEGER PRIMARY KEY, engine TEXT NOT NULL);
