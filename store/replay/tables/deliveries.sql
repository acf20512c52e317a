-- deliveries: what became of each event of a job.
CREATE TABLE deliveries (
  job      INTEGER NOT NULL REFERENCES jobs (job),
  position INTEGER NOT NULL,
  ticket   TEXT,  -- whose order is kept; NULL once nothing waits for it
  outcome  TEXT NOT NULL CHECK (outcome IN ('delivered', 'erased', 'waiting', 'dead', 'dropped')),
  attempts INTEGER NOT NULL,
  error    TEXT,  -- of the last attempt that failed
  at       TEXT NOT NULL,
  PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
