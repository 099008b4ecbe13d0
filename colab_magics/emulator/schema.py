"""Which tables does the emulator keep, and how do those of an older one become them?"""

from __future__ import annotations

from .values import DEFAULT_EMAIL

SCHEMA_VERSION = 2

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    name_key           TEXT NOT NULL,           -- names compare without regard to case
    mime               TEXT NOT NULL,
    parent             TEXT,                    -- null for the roots only: one parent each
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
    extra              TEXT NOT NULL DEFAULT '{}',
    owner              TEXT,                    -- null in a shared drive
    drive              TEXT,                    -- the shared drive; null in a My Drive
    modifier           TEXT,
    trasher            TEXT,
    resource_key       TEXT,
    flags              TEXT NOT NULL DEFAULT '{}'  -- what the controls say of it
);
CREATE INDEX IF NOT EXISTS files_by_parent ON files (parent, name_key);
CREATE INDEX IF NOT EXISTS files_by_name ON files (name_key);
CREATE INDEX IF NOT EXISTS files_by_blob ON files (blob);
CREATE INDEX IF NOT EXISTS files_by_owner ON files (owner);
CREATE INDEX IF NOT EXISTS files_in_trash ON files (trashed) WHERE trashed;

CREATE TABLE IF NOT EXISTS users (email TEXT PRIMARY KEY, root TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drives (
    id         TEXT PRIMARY KEY,                -- also the id of its root folder
    name       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    request    TEXT,                            -- the requestId that made it
    extra      TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hidden_drives (
    email TEXT NOT NULL, drive TEXT NOT NULL, PRIMARY KEY (email, drive)
) WITHOUT ROWID;
-- What was granted at a file itself; what it inherits is worked out when somebody asks.
CREATE TABLE IF NOT EXISTS permissions (
    file_id    TEXT NOT NULL,
    id         TEXT NOT NULL,
    type       TEXT NOT NULL,                   -- user, group, domain or anyone
    role       TEXT NOT NULL,
    email      TEXT,
    domain     TEXT,
    discovery  INTEGER NOT NULL DEFAULT 0,
    expires_ms INTEGER,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (file_id, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS permissions_by_email ON permissions (email);
-- What a user who does not own a file has done with it.
CREATE TABLE IF NOT EXISTS marks (
    email     TEXT NOT NULL,
    file_id   TEXT NOT NULL,
    starred   INTEGER NOT NULL DEFAULT 0,
    viewed_ms INTEGER,
    PRIMARY KEY (email, file_id)
) WITHOUT ROWID;
-- Which OAuth client made or opened which file, for the scope drive.file.
CREATE TABLE IF NOT EXISTS opened (
    file_id TEXT NOT NULL, client TEXT NOT NULL, PRIMARY KEY (file_id, client)
) WITHOUT ROWID;
-- What is in the folder of a program's own data, and was; the folder is its own root.
CREATE TABLE IF NOT EXISTS app_data (
    id TEXT PRIMARY KEY, root TEXT NOT NULL, email TEXT NOT NULL, client TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions (
    seq         INTEGER PRIMARY KEY,
    file_id     TEXT NOT NULL,
    id          TEXT NOT NULL,
    blob        TEXT NOT NULL,
    size        INTEGER,
    md5         TEXT,
    mime        TEXT NOT NULL,
    name        TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    modifier    TEXT,
    keep        INTEGER NOT NULL DEFAULT 0,
    UNIQUE (file_id, id)
);
CREATE INDEX IF NOT EXISTS revisions_by_blob ON revisions (blob);

-- The change logs, one for a user and one for a shared drive: at most one entry for a file in
-- each, a newer one takes a higher number.
CREATE TABLE IF NOT EXISTS changes (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    log     TEXT NOT NULL,                      -- an e-mail address or the id of a shared drive
    file_id TEXT NOT NULL,                      -- or the shared drive that changed itself
    drive   TEXT,                               -- the shared drive that the file is in
    time_ms INTEGER NOT NULL,
    UNIQUE (log, file_id)
);
CREATE INDEX IF NOT EXISTS changes_by_log ON changes (log, seq);
-- Changes that a log does not show yet, because it lags.
CREATE TABLE IF NOT EXISTS coming_changes (
    due_ms  INTEGER NOT NULL,
    log     TEXT NOT NULL,
    file_id TEXT NOT NULL,
    drive   TEXT,
    time_ms INTEGER NOT NULL
);
-- Every id that was given away in advance or has ever been a file.
CREATE TABLE IF NOT EXISTS ids (
    id    TEXT PRIMARY KEY,
    kind  TEXT NOT NULL,                        -- files or shortcuts
    used  INTEGER NOT NULL DEFAULT 0,
    owner TEXT                                  -- the user it was given to
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
-- As whom a session acts: its address alone lets anybody send the bytes.
CREATE TABLE IF NOT EXISTS session_callers (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, client TEXT NOT NULL, scopes TEXT NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS session_gone AFTER DELETE ON sessions BEGIN
    DELETE FROM session_callers WHERE id = old.id;
END;
CREATE TABLE IF NOT EXISTS tokens (
    token      TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,                   -- refresh or access
    refresh    TEXT,                            -- where an access token comes from
    expires_ms INTEGER,
    revoked    INTEGER NOT NULL DEFAULT 0,
    email      TEXT NOT NULL DEFAULT '{default}',
    client     TEXT NOT NULL DEFAULT '',
    scopes     TEXT NOT NULL DEFAULT 'drive'
);
-- Service accounts, and the public half of the key that each signs with.
CREATE TABLE IF NOT EXISTS robots (email TEXT PRIMARY KEY, key TEXT NOT NULL);
-- The bytes and files of each owner, kept by the triggers so that no write has to count them; a
-- shared drive is its own owner here.
CREATE TABLE IF NOT EXISTS usage (
    holder TEXT PRIMARY KEY, bytes INTEGER NOT NULL, items INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS usage_insert AFTER INSERT ON files BEGIN
    INSERT OR IGNORE INTO usage VALUES (coalesce(new.owner, new.drive), 0, 0);
    UPDATE usage SET bytes = bytes + coalesce(new.size, 0), items = items + 1
        WHERE holder = coalesce(new.owner, new.drive);
END;
CREATE TRIGGER IF NOT EXISTS usage_update AFTER UPDATE OF size, owner, drive ON files BEGIN
    INSERT OR IGNORE INTO usage VALUES (coalesce(new.owner, new.drive), 0, 0);
    UPDATE usage SET bytes = bytes - coalesce(old.size, 0), items = items - 1
        WHERE holder = coalesce(old.owner, old.drive);
    UPDATE usage SET bytes = bytes + coalesce(new.size, 0), items = items + 1
        WHERE holder = coalesce(new.owner, new.drive);
END;
CREATE TRIGGER IF NOT EXISTS usage_delete AFTER DELETE ON files BEGIN
    UPDATE usage SET bytes = bytes - coalesce(old.size, 0), items = items - 1
        WHERE holder = coalesce(old.owner, old.drive);
END;

-- What the search index still believes; gone at a restart, when the index has caught up.
CREATE TEMP TABLE stale AS SELECT *, 0 AS until_ms, 0 AS existed FROM files WHERE 0;
CREATE INDEX temp.stale_by_id ON stale (id, until_ms);
""".replace("{default}", DEFAULT_EMAIL)

# From the first schema, which knew one user, one client and no revisions. Before SCHEMA itself.
FROM_1 = """
DROP TRIGGER usage_insert; DROP TRIGGER usage_update; DROP TRIGGER usage_delete;
DROP TABLE usage; DROP TABLE coming_changes;
ALTER TABLE files ADD COLUMN owner TEXT;
ALTER TABLE files ADD COLUMN drive TEXT;
ALTER TABLE files ADD COLUMN modifier TEXT;
ALTER TABLE files ADD COLUMN trasher TEXT;
ALTER TABLE files ADD COLUMN resource_key TEXT;
ALTER TABLE files ADD COLUMN flags TEXT NOT NULL DEFAULT '{}';
UPDATE files SET owner = '{default}', modifier = '{default}';
UPDATE files SET app_properties = json_object('', json(app_properties))
    WHERE app_properties != '{}';
ALTER TABLE ids ADD COLUMN owner TEXT;
UPDATE ids SET owner = '{default}';
ALTER TABLE tokens ADD COLUMN email TEXT NOT NULL DEFAULT '{default}';
ALTER TABLE tokens ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT 'drive';
CREATE TABLE changes_of_all (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, log TEXT NOT NULL, file_id TEXT NOT NULL,
    drive TEXT, time_ms INTEGER NOT NULL, UNIQUE (log, file_id)
);
INSERT INTO changes_of_all SELECT seq, '{default}', file_id, NULL, time_ms FROM changes;
DROP TABLE changes;
ALTER TABLE changes_of_all RENAME TO changes;
""".replace("{default}", DEFAULT_EMAIL)
FILL_FROM_1 = """
INSERT INTO users SELECT '{default}', value FROM facts WHERE key = 'root';
INSERT INTO opened SELECT id, '' FROM files;
INSERT INTO usage SELECT owner, coalesce(sum(size), 0), count(*) FROM files GROUP BY owner;
INSERT INTO revisions (file_id, id, blob, size, md5, mime, name, modified_ms, modifier)
    SELECT id, revision, blob, size, md5, mime, name, modified_ms, owner FROM files
    WHERE blob IS NOT NULL;
""".replace("{default}", DEFAULT_EMAIL)
