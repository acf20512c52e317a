-- early_events_refuse_delete: what is kept stays as it is, and what comes goes elsewhere.
CREATE TRIGGER early_events_refuse_delete BEFORE DELETE ON early_events
BEGIN
  SELECT RAISE(ABORT, 'early_events is append-only: no DELETE');
END;
