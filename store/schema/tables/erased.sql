-- erased: what has no bytes any more, and by which erasure.
CREATE TABLE erased (
  kind    TEXT NOT NULL CHECK (kind IN ('event', 'refusal')),
  number  INTEGER NOT NULL,  -- position of the event, id in the quarantine
  erasure INTEGER NOT NULL REFERENCES erasures (id),
  PRIMARY KEY (kind, number)
) STRICT, WITHOUT ROWID;
