-- events_refuse_insert: what is kept stays as it is.
CREATE TRIGGER events_refuse_insert INSTEAD OF INSERT ON events
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: no INSERT');
END;
