-- redeliveries: one row for each further arrival of an event that the log already had.
CREATE TABLE redeliveries (
  id          INTEGER PRIMARY KEY,
  position    INTEGER NOT NULL REFERENCES events (position),
  received_at TEXT NOT NULL
) STRICT;
