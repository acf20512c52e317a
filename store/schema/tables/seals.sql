-- seals: for each entry of the quarantine, the request that it came with, and how it seals the entry before.
CREATE TABLE seals (
  entry      INTEGER PRIMARY KEY REFERENCES quarantine (id),
  request_id TEXT NOT NULL,  -- empty where it was kept by an earlier version
  digest     BLOB NOT NULL CHECK (length(digest) = 32),  -- SHA-256 of the entry's body
  chain      BLOB NOT NULL CHECK (length(chain) = 32)  -- see store/log/seals.py
) STRICT;
