-- early_events_refuse_update: what is kept stays as it is; only a body may leave, when it is written where it went.
CREATE TRIGGER early_events_refuse_update BEFORE UPDATE ON early_events
WHEN NEW.body IS NOT x''
  OR (NEW.position, NEW.source, NEW.event_type, NEW.event_id, NEW.resource_type, NEW.resource_id,
      NEW.ticket_id, NEW.occurred_at, NEW.event_time, NEW.received_at, NEW.path, NEW.headers,
      NEW.drift, NEW.digest, NEW.conflict_of, NEW.chain)
    IS NOT
     (OLD.position, OLD.source, OLD.event_type, OLD.event_id, OLD.resource_type, OLD.resource_id,
      OLD.ticket_id, OLD.occurred_at, OLD.event_time, OLD.received_at, OLD.path, OLD.headers,
      OLD.drift, OLD.digest, OLD.conflict_of, OLD.chain)
  OR NOT (
    EXISTS (
      SELECT 1 FROM segments WHERE OLD.position BETWEEN first_position AND last_position
    )
    OR EXISTS (SELECT 1 FROM erased WHERE kind = 'event' AND number = OLD.position)
  )
BEGIN
  SELECT RAISE(ABORT, 'early_events is append-only: no UPDATE');
END;
