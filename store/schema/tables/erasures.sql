-- erasures: that personal data was erased, when and by which rule; never whose.
CREATE TABLE erasures (
  id        INTEGER PRIMARY KEY,
  rule      TEXT NOT NULL CHECK (rule IN ('party', 'ticket')),
  erased_at TEXT NOT NULL,
  erased_by TEXT NOT NULL
) STRICT;
