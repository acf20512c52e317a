-- events_refuse_update: what is kept stays as it is.
CREATE TRIGGER events_refuse_update INSTEAD OF UPDATE ON events
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: no UPDATE');
END;
