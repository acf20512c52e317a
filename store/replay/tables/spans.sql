-- spans: events that a stream took in one go: every selected one from first to last.
CREATE TABLE spans (
  job            INTEGER NOT NULL REFERENCES jobs (job),
  first_position INTEGER NOT NULL,
  last_position  INTEGER NOT NULL CHECK (last_position >= first_position),
  events         INTEGER NOT NULL,
  at             TEXT NOT NULL,
  PRIMARY KEY (job, first_position)
) STRICT, WITHOUT ROWID;
