-- decisions: what was decided about an entry of the quarantine, once.
CREATE TABLE decisions (
  id         INTEGER PRIMARY KEY,
  entry      INTEGER NOT NULL UNIQUE REFERENCES quarantine (id),
  decision   TEXT NOT NULL CHECK (decision IN ('released', 'dropped')),
  reason     TEXT,
  position   INTEGER REFERENCES events (position),  -- of the event that it was released as
  decided_at TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  CHECK ((decision = 'released') = (position IS NOT NULL))
) STRICT;
