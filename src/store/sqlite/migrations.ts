/** The SQLite schema, one entry a version; entries are only ever added. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE conversations (
    id        INTEGER PRIMARY KEY,
    platform  TEXT NOT NULL,
    workspace TEXT NOT NULL,
    key       TEXT NOT NULL,
    cut       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (platform, workspace, key)
  ) STRICT;

  CREATE TABLE turns (
    id              INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    platform        TEXT NOT NULL,
    workspace       TEXT NOT NULL,
    channel         TEXT NOT NULL,
    message         TEXT NOT NULL,
    question        TEXT NOT NULL, -- JSON
    state           TEXT NOT NULL DEFAULT 'queued',
    attempt         INTEGER NOT NULL DEFAULT 0,
    answer          TEXT NOT NULL DEFAULT '',
    asked_at        INTEGER NOT NULL,
    ended_at        INTEGER,
    UNIQUE (platform, workspace, channel, message) -- the seen keys: a question is taken once
  ) STRICT;
  CREATE INDEX turns_of_conversation ON turns (conversation_id, id);
  CREATE INDEX turns_unfinished ON turns (id) WHERE state IN ('queued', 'running');

  CREATE TABLE messages (
    turn_id  INTEGER NOT NULL REFERENCES turns (id),
    attempt  INTEGER NOT NULL,
    page     INTEGER NOT NULL,
    platform TEXT NOT NULL,
    channel  TEXT NOT NULL,
    message  TEXT NOT NULL,
    PRIMARY KEY (platform, channel, message)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX messages_of_turn ON messages (turn_id, attempt, page);

  CREATE TABLE cold_starts (
    id    INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    ms    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX cold_starts_of_model ON cold_starts (model, id);
  `,
  `
  -- Warm mode: the one desired mode, who changed it, who reconciles, and what containers cost each UTC day.
  CREATE TABLE warm_mode (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL -- JSON
  ) STRICT;

  CREATE TABLE warm_audit (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    origin TEXT, -- JSON; NULL for Pilotlight itself
    action TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;

  CREATE TABLE warm_lease (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE gpu_days (
    day          TEXT PRIMARY KEY, -- 2026-01-31
    container_ms INTEGER NOT NULL DEFAULT 0,
    micro_usd    INTEGER NOT NULL DEFAULT 0,
    prewarms     INTEGER NOT NULL DEFAULT 0,
    prewarms_of_use INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  `,
  'ALTER TABLE turns ADD COLUMN run INTEGER NOT NULL DEFAULT 0',
  `
  -- Limits: questions of the last minute, and what people used each UTC day.
  CREATE TABLE asked (
    id       INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    person   TEXT NOT NULL,
    at       INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX asked_by_person ON asked (platform, person, at);
  CREATE INDEX asked_at ON asked (at);

  CREATE TABLE spent (
    day       TEXT NOT NULL, -- 2026-01-31
    platform  TEXT NOT NULL,
    workspace TEXT NOT NULL,
    person    TEXT NOT NULL,
    micro_usd INTEGER NOT NULL,
    PRIMARY KEY (day, platform, workspace, person)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Workspaces that installed the bot. What is kept of them is encrypted.
  CREATE TABLE installations (
    key          TEXT PRIMARY KEY,
    sealed       TEXT NOT NULL,
    installed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  "ALTER TABLE turns ADD COLUMN reasoning TEXT NOT NULL DEFAULT ''",
  'DROP TABLE warm_lease', // SQLite is for one process
  'CREATE INDEX turns_ended ON turns (ended_at, id)',
];
