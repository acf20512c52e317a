-- contexts: what many events have in common, kept once. The same may be there twice: it is looked
-- for in the writer's memory, not here.
CREATE TABLE contexts (
  id            INTEGER PRIMARY KEY,
  source        TEXT NOT NULL,
  event_type    TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  path          TEXT NOT NULL,
  headers       TEXT NOT NULL,  -- JSON: [[name, value], …]
  drift         TEXT NOT NULL  -- JSON: [text, …]
) STRICT;
