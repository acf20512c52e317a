-- segments: files of the archive, each with the bodies of events in a row; the newest version counts.
CREATE TABLE segments (
  segment        INTEGER NOT NULL,
  version        INTEGER NOT NULL,  -- grows when an erasure writes the file anew
  first_position INTEGER NOT NULL,
  last_position  INTEGER NOT NULL CHECK (last_position >= first_position),
  digest         BLOB NOT NULL CHECK (length(digest) = 32),  -- SHA-256 of the file
  made_at        TEXT NOT NULL,
  PRIMARY KEY (segment, version)
) STRICT;
