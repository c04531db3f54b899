-- Format 1 of a home: the installation and its accounts.

CREATE TABLE installation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    device TEXT NOT NULL,
    install TEXT NOT NULL
) STRICT;

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    organisation TEXT NOT NULL,
    user TEXT NOT NULL,
    current INTEGER NOT NULL DEFAULT 0,
    UNIQUE (service, organisation, user)
) STRICT, WITHOUT ROWID;
