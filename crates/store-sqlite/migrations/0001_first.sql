-- Format 1: the catalogue, the journal, and no records yet. Tables of records are made from the schema, see tables.rs.

CREATE TABLE position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    catalogue INTEGER NOT NULL
) STRICT;
INSERT INTO position (one, number, catalogue) VALUES (1, 0, 0);

CREATE TABLE schema (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version TEXT NOT NULL
) STRICT;

CREATE TABLE entity (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE TABLE field (
    entity INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (entity, number),
    UNIQUE (entity, name)
) STRICT, WITHOUT ROWID;

-- What an edit appends, in one table, so that it touches one end: pending operations under twice their sequence number,
-- and server images of unsettled records, without id and state, under odd numbers.
CREATE TABLE entry (
    key INTEGER PRIMARY KEY,
    id BLOB,
    entity TEXT NOT NULL,
    record TEXT NOT NULL,
    state TEXT,
    payload ANY NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_id ON entry (id) WHERE id IS NOT NULL;

-- The entries of each unsettled record, kept by the triggers below.
CREATE TABLE unsettled (
    entity TEXT NOT NULL,
    record TEXT NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (entity, record, key)
) STRICT, WITHOUT ROWID;

-- Operations in a final state.
CREATE TABLE history (
    sequence INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    entity TEXT NOT NULL,
    record TEXT NOT NULL,
    state TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;

-- Triggers rather than statements of the program: an edit takes half the time.
CREATE TRIGGER entry_comes AFTER INSERT ON entry BEGIN
    INSERT INTO unsettled (entity, record, key) VALUES (new.entity, new.record, new.key);
    DELETE FROM history WHERE id = new.id;
END;
CREATE TRIGGER entry_goes AFTER DELETE ON entry BEGIN
    DELETE FROM unsettled WHERE entity = old.entity AND record = old.record AND key = old.key;
END;

CREATE TABLE sending (
    id BLOB PRIMARY KEY,
    payload TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    open INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX log_open ON log (id) WHERE open = 1;

CREATE TABLE note (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE file (
    content TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    record TEXT NOT NULL,
    field TEXT NOT NULL,
    size INTEGER NOT NULL,
    sent INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX file_of_record ON file (entity, record);
