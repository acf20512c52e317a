-- events_identity: finds the key of an arriving event; the same content is kept only once.
CREATE UNIQUE INDEX events_identity ON events (source, event_type, event_id, digest);
