-- events_refuse_delete: what is kept stays as it is.
CREATE TRIGGER events_refuse_delete INSTEAD OF DELETE ON events
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: no DELETE');
END;
