-- stream: which stream this log is a copy of, and how far; one row, none where it stands alone.
CREATE TABLE stream (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  name     TEXT NOT NULL,
  created  TEXT NOT NULL,  -- when the stream was made, in the server's words: its identity
  sequence INTEGER NOT NULL,  -- of what was copied last, in the transaction that kept it
  digest   BLOB NOT NULL CHECK (length(digest) = 32)  -- SHA-256 of what was copied last
) STRICT;
