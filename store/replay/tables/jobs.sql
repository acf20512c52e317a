-- jobs: what was to be delivered where, by whom, how far it is, what is wrong.
CREATE TABLE jobs (
  job        INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  kind       TEXT NOT NULL CHECK (kind IN ('replay', 'state', 'forward')),
  target     TEXT NOT NULL,
  selection  TEXT NOT NULL,  -- JSON, see store/replay/selection.py
  started_at TEXT NOT NULL,
  started_by TEXT NOT NULL,
  state      TEXT NOT NULL DEFAULT 'running'
    CHECK (state IN ('running', 'stopped', 'failed', 'finished')),
  checkpoint INTEGER NOT NULL,  -- every selected event up to here has its delivery
  delivered  INTEGER NOT NULL DEFAULT 0,
  failures   INTEGER NOT NULL DEFAULT 0,  -- attempts that failed
  problem    TEXT,
  updated_at TEXT NOT NULL
) STRICT;
