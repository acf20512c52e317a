-- quarantine: bytes that were refused, kept with the reasons.
CREATE TABLE quarantine (
  id          INTEGER PRIMARY KEY,
  source      TEXT NOT NULL,
  path        TEXT NOT NULL,
  headers     TEXT NOT NULL,  -- JSON: [[name, value], …]
  received_at TEXT NOT NULL,
  status      INTEGER NOT NULL,  -- the HTTP status the sender was answered
  reasons     TEXT NOT NULL,  -- JSON: [[code, pointer, expected], …]
  fingerprint TEXT NOT NULL,
  body        BLOB NOT NULL
) STRICT;
