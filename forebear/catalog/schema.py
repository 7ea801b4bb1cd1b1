"""Numbered migrations of the catalog's tables. `docs/reference/catalog-schema.md` describes every column.

Times are integer microseconds since 1970 UTC, digests 32 raw bytes, node keys twice a row's key (plus one for a run).
A migration that was released is never edited; a new form is a new entry of `MIGRATIONS`.
"""

from __future__ import annotations

FIRST = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (entity, name)
);

CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    job_type TEXT,
    run_group TEXT,
    notes TEXT,
    tags TEXT NOT NULL,
    state TEXT NOT NULL,
    config TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    exit_code INTEGER,
    error TEXT,
    UNIQUE (project_id, id)
);
CREATE INDEX runs_state ON runs (state, key);

CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    tip BLOB,
    next_number INTEGER NOT NULL DEFAULT 0,
    UNIQUE (project_id, name)
);

CREATE TABLE versions (
    id INTEGER PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES collections (id),
    number INTEGER NOT NULL,
    root BLOB NOT NULL,
    size INTEGER NOT NULL,
    file_count INTEGER NOT NULL,
    state TEXT NOT NULL,
    description TEXT,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    run_key INTEGER REFERENCES runs (key),
    added_bytes INTEGER NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0,
    UNIQUE (collection_id, number)
);
CREATE INDEX versions_root ON versions (collection_id, root);
CREATE INDEX versions_unrecorded ON versions (id) WHERE recorded = 0;

CREATE TABLE aliases (
    collection_id INTEGER NOT NULL REFERENCES collections (id),
    alias TEXT NOT NULL,
    version_id INTEGER NOT NULL REFERENCES versions (id),
    PRIMARY KEY (collection_id, alias)
);
CREATE INDEX aliases_version ON aliases (version_id);

CREATE TABLE alias_moves (
    id INTEGER PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES collections (id),
    alias TEXT NOT NULL,
    version_id INTEGER REFERENCES versions (id),
    at INTEGER NOT NULL,
    run_key INTEGER REFERENCES runs (key)
);
CREATE INDEX alias_moves_alias ON alias_moves (collection_id, alias, id);

CREATE TABLE tags (
    version_id INTEGER NOT NULL REFERENCES versions (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (version_id, tag)
);

CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL
);
CREATE INDEX objects_loose ON objects (size) WHERE kind = 'loose';

CREATE TABLE slices (
    digest BLOB NOT NULL,
    object_id INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    size INTEGER NOT NULL,
    codec INTEGER NOT NULL,
    PRIMARY KEY (digest, object_id)
) WITHOUT ROWID;

CREATE TABLE recipes (
    digest BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    parts BLOB NOT NULL
);

CREATE TABLE edges (
    source INTEGER NOT NULL,
    target INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    use_as TEXT,
    PRIMARY KEY (source, kind, target)
) WITHOUT ROWID;
CREATE INDEX edges_target ON edges (target, kind, source);

CREATE TABLE file_spans (
    digest BLOB NOT NULL,
    collection_id INTEGER NOT NULL,
    first INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (digest, collection_id, first)
) WITHOUT ROWID;
"""

SECOND = """
ALTER TABLE runs ADD COLUMN summary TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN sweep TEXT;
ALTER TABLE runs ADD COLUMN branch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN lost_rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN stop_requested INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_project ON runs (project_id, created_at);
CREATE INDEX runs_created ON runs (created_at);

CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE run_values (
    run_key INTEGER NOT NULL REFERENCES runs (key),
    side INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    number REAL,
    text TEXT,
    PRIMARY KEY (run_key, side, key_id)
) WITHOUT ROWID;
CREATE INDEX run_values_number ON run_values (side, key_id, number, run_key) WHERE number IS NOT NULL;
CREATE INDEX run_values_text ON run_values (side, key_id, text, run_key) WHERE text IS NOT NULL;

CREATE TABLE run_tags (
    run_key INTEGER NOT NULL REFERENCES runs (key),
    tag TEXT NOT NULL,
    PRIMARY KEY (run_key, tag)
) WITHOUT ROWID;
CREATE INDEX run_tags_tag ON run_tags (tag, run_key);

CREATE TABLE history_blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_key INTEGER NOT NULL REFERENCES runs (key),
    branch INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    writer TEXT NOT NULL,
    time_base INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    axis BLOB NOT NULL
);
CREATE INDEX history_blocks_run ON history_blocks (run_key, branch, stream, first_seq);

CREATE TABLE history_columns (
    block_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (block_id, key_id)
);

CREATE TABLE journals (
    name TEXT PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES runs (key),
    position INTEGER NOT NULL
);
CREATE INDEX journals_run ON journals (run_key);

CREATE TABLE branches (
    run_key INTEGER NOT NULL REFERENCES runs (key),
    number INTEGER NOT NULL,
    parent_run INTEGER NOT NULL REFERENCES runs (key),
    parent_branch INTEGER NOT NULL,
    fork_step INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (run_key, number)
) WITHOUT ROWID;
CREATE INDEX branches_parent ON branches (parent_run);

CREATE TABLE run_files (
    run_key INTEGER NOT NULL REFERENCES runs (key),
    path TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (run_key, path)
) WITHOUT ROWID;
CREATE INDEX run_files_digest ON run_files (digest);
"""

THIRD = """
ALTER TABLE history_columns ADD COLUMN row_count INTEGER;
ALTER TABLE history_columns ADD COLUMN first_step INTEGER;
ALTER TABLE history_columns ADD COLUMN last_step INTEGER;

CREATE TABLE sweeps (
    key INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    id TEXT NOT NULL,
    name TEXT,
    config TEXT NOT NULL,
    trial_limit INTEGER,
    retry INTEGER NOT NULL,
    state TEXT NOT NULL,
    next_number INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    UNIQUE (project_id, id)
);

CREATE TABLE trials (
    sweep_key INTEGER NOT NULL REFERENCES sweeps (key),
    number INTEGER NOT NULL,
    params TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    earlier INTEGER NOT NULL DEFAULT 0,
    agent TEXT,
    run_key INTEGER REFERENCES runs (key),
    started_at INTEGER,
    heartbeat_at INTEGER,
    ended_at INTEGER,
    objectives TEXT NOT NULL DEFAULT '{}',
    error TEXT,
    asked TEXT,
    PRIMARY KEY (sweep_key, number)
) WITHOUT ROWID;
CREATE INDEX trials_waiting ON trials (sweep_key, number) WHERE state = 'waiting';
CREATE INDEX trials_held ON trials (sweep_key, heartbeat_at) WHERE state = 'running';
CREATE INDEX trials_run ON trials (run_key) WHERE run_key IS NOT NULL;

CREATE TABLE trial_reports (
    sweep_key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    iteration INTEGER NOT NULL,
    value REAL,
    PRIMARY KEY (sweep_key, number, iteration)
) WITHOUT ROWID;
CREATE INDEX trial_reports_iteration ON trial_reports (sweep_key, iteration);
"""

FOURTH = """
CREATE TABLE copies (
    source TEXT NOT NULL,
    node INTEGER NOT NULL,
    target INTEGER NOT NULL,
    merged INTEGER NOT NULL,
    print BLOB,
    PRIMARY KEY (source, node)
) WITHOUT ROWID;
"""

FIFTH = """
ALTER TABLE collections ADD COLUMN policy TEXT;
ALTER TABLE versions ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE versions ADD COLUMN deleted_at INTEGER;
ALTER TABLE recipes ADD COLUMN object_id INTEGER;
CREATE INDEX recipes_object ON recipes (object_id);
CREATE INDEX slices_object ON slices (object_id);

CREATE TABLE leases (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    pid_started INTEGER,
    ticket INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    until INTEGER NOT NULL
);

CREATE TABLE holds (
    run_key INTEGER NOT NULL REFERENCES runs (key),
    digest BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (run_key, digest)
) WITHOUT ROWID;

CREATE TABLE garbage (
    digest BLOB PRIMARY KEY,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX garbage_epoch ON garbage (epoch, at);

CREATE TABLE trash (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    state INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ticket INTEGER NOT NULL DEFAULT 0,
    until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX trash_state ON trash (state, at);

CREATE TABLE trash_slices (
    digest BLOB NOT NULL,
    name TEXT NOT NULL,
    "offset" INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    size INTEGER NOT NULL,
    codec INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (digest, name)
) WITHOUT ROWID;
CREATE INDEX trash_slices_name ON trash_slices (name);

CREATE TABLE trash_recipes (
    digest BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    parts BLOB NOT NULL,
    name TEXT,
    at INTEGER NOT NULL
);
CREATE INDEX trash_recipes_name ON trash_recipes (name);

UPDATE versions SET recorded = 0 WHERE state = 'DELETED' OR id IN (SELECT version_id FROM aliases);
"""

MIGRATIONS: tuple[str, ...] = (FIRST, SECOND, THIRD, FOURTH, FIFTH)
SCHEMA_VERSION = len(MIGRATIONS)
