-- events: every accepted event, in commit order, for ever.
CREATE TABLE events (
  position      INTEGER PRIMARY KEY,
  source        TEXT NOT NULL,
  event_type    TEXT NOT NULL,
  event_id      TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  ticket_id     TEXT,
  occurred_at   TEXT NOT NULL,
  event_time    TEXT,
  received_at   TEXT NOT NULL,
  path          TEXT NOT NULL,
  headers       TEXT NOT NULL,  -- JSON: [[name, value], …]
  drift         TEXT NOT NULL,  -- JSON: [text, …]
  digest        BLOB NOT NULL CHECK (length(digest) = 32),  -- SHA-256 of body
  conflict_of   INTEGER REFERENCES events (position),
  chain         BLOB NOT NULL CHECK (length(chain) = 32),  -- see store/log/identity.py
  body          BLOB NOT NULL  -- last, so that reading the other columns never walks through it
) STRICT;
