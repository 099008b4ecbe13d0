-- The tables as the first emulator made them, which knew one user, one client, no revisions.

CREATE TABLE IF NOT EXISTS files (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    name_key           TEXT NOT NULL,           -- names compare without regard to case
    mime               TEXT NOT NULL,
    parent             TEXT,                    -- null for the root only: one parent each
    trashed            INTEGER NOT NULL DEFAULT 0,  -- itself, or a folder above it
    explicitly_trashed INTEGER NOT NULL DEFAULT 0,
    trashed_ms         INTEGER,
    starred            INTEGER NOT NULL DEFAULT 0,
    created_ms         INTEGER NOT NULL,
    modified_ms        INTEGER NOT NULL,
    viewed_ms          INTEGER NOT NULL,
    version            INTEGER NOT NULL DEFAULT 1,
    blob               TEXT,                    -- file name in blobs/; null without bytes
    size               INTEGER,
    md5                TEXT,
    sha1               TEXT,
    sha256             TEXT,
    revision           TEXT,
    properties         TEXT NOT NULL DEFAULT '{}',
    app_properties     TEXT NOT NULL DEFAULT '{}',
    extra              TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS files_by_parent ON files (parent, name_key);
CREATE INDEX IF NOT EXISTS files_by_name ON files (name_key);
CREATE INDEX IF NOT EXISTS files_by_blob ON files (blob);
CREATE INDEX IF NOT EXISTS files_in_trash ON files (trashed) WHERE trashed;

-- The change log: at most one entry for a file, a newer one takes a higher number.
CREATE TABLE IF NOT EXISTS changes (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id TEXT NOT NULL UNIQUE,
    time_ms INTEGER NOT NULL
);
-- Changes that the log does not show yet, because it lags.
CREATE TABLE IF NOT EXISTS coming_changes (
    due_ms  INTEGER NOT NULL,
    file_id TEXT NOT NULL,
    time_ms INTEGER NOT NULL
);
-- Every id that was given away in advance or has ever been a file.
CREATE TABLE IF NOT EXISTS ids (
    id   TEXT PRIMARY KEY,
    kind TEXT NOT NULL,                         -- files or shortcuts
    used INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    id         TEXT PRIMARY KEY,
    file_id    TEXT,                            -- the file to update; null to create one
    body       TEXT NOT NULL,                   -- JSON metadata of the first request
    query      TEXT NOT NULL,                   -- JSON parameters of the first request
    mime       TEXT,
    total      INTEGER,                         -- bytes declared, if they were
    created_ms INTEGER NOT NULL,
    done_id    TEXT                             -- the file that came of it
);
CREATE TABLE IF NOT EXISTS tokens (
    token      TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,                   -- refresh or access
    refresh    TEXT,                            -- where an access token comes from
    expires_ms INTEGER,
    revoked    INTEGER NOT NULL DEFAULT 0
);
-- The bytes of all files, kept by the triggers so that no write has to count them.
CREATE TABLE IF NOT EXISTS usage (bytes INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS usage_insert AFTER INSERT ON files BEGIN
    UPDATE usage SET bytes = bytes + coalesce(new.size, 0);
END;
CREATE TRIGGER IF NOT EXISTS usage_update AFTER UPDATE OF size ON files BEGIN
    UPDATE usage SET bytes = bytes + coalesce(new.size, 0) - coalesce(old.size, 0);
END;
CREATE TRIGGER IF NOT EXISTS usage_delete AFTER DELETE ON files BEGIN
    UPDATE usage SET bytes = bytes - coalesce(old.size, 0);
END;
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
