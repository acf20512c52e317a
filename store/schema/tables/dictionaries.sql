-- dictionaries: what bodies are compressed with (store/log/packing.py), by Zstandard's number of it.
CREATE TABLE dictionaries (
  id      INTEGER PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;
