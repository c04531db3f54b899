//! SQLite store for driftless: typed tables, migrations, homes and accounts.
