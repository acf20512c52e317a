-- log: every accepted event, in commit order, for ever, in as few bytes as it takes; the view `events` tells all of it.
CREATE TABLE log (
  position      INTEGER PRIMARY KEY,
  context       INTEGER NOT NULL REFERENCES contexts (id),
  key           INTEGER NOT NULL,  -- finds the event's identity, see store/log/identity.py
  event_id      TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  ticket_id     ANY CHECK (ticket_id IS NULL OR ticket_id IS 1 OR typeof(ticket_id) = 'text'),  -- 1: the resource_id
  occurred_at   TEXT,  -- NULL: the event_time, or without one the received_at
  event_time    TEXT,
  received_at   TEXT NOT NULL,
  headers       TEXT,  -- NULL: those of the context
  conflict_of   INTEGER REFERENCES log (position),
  digest        BLOB NOT NULL CHECK (length(digest) = 32),  -- SHA-256 of body
  chain         BLOB NOT NULL CHECK (length(chain) = 32),  -- see store/log/identity.py
  body          BLOB NOT NULL  -- last, so that reading the other columns never walks through it
) STRICT;
