-- Format 2: an edit appends one row, which touches half the pages.

DROP TRIGGER entry_comes;
DROP TRIGGER entry_goes;
DROP TABLE unsettled;
DROP INDEX entry_id;
ALTER TABLE entry RENAME TO old_entry;

-- An operation under twice its sequence number, with the server image of its record if it was made with one. An image
-- that no operation here was made with has a row of its own, without id, state and payload, under an odd number.
CREATE TABLE entry (
    key INTEGER PRIMARY KEY,
    id BLOB,
    entity TEXT NOT NULL,
    record TEXT NOT NULL,
    state TEXT,
    -- 1 for an operation whose state is not final.
    pending INTEGER NOT NULL,
    payload ANY,
    -- At most one for a record.
    image BLOB,
    -- The commit that appended the row. The last commit's number is the larger one of `position.number` and the
    -- number of the last row here, so that an edit need not write both.
    number INTEGER NOT NULL
) STRICT;

INSERT INTO entry (key, id, entity, record, state, pending, payload, image, number)
SELECT key, id, entity, record, state, id IS NOT NULL, iif(id IS NULL, NULL, payload), iif(id IS NULL, payload, NULL), 0
FROM old_entry;
DROP TABLE old_entry;

INSERT OR IGNORE INTO entry (key, id, entity, record, state, pending, payload, image, number)
SELECT sequence * 2, id, entity, record, state, 0, payload, NULL, 0 FROM history;
DROP TABLE history;

CREATE UNIQUE INDEX entry_id ON entry (id) WHERE id IS NOT NULL;
CREATE INDEX entry_open ON entry (entity, record, pending) WHERE pending = 1 OR image IS NOT NULL;
