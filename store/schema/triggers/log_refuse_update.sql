-- log_refuse_update: what is kept stays as it is; only a body may leave, when it is written where it went.
CREATE TRIGGER log_refuse_update BEFORE UPDATE ON log
WHEN NEW.body IS NOT x''
  OR (NEW.position, NEW.context, NEW.key, NEW.event_id, NEW.resource_id, NEW.ticket_id,
      NEW.occurred_at, NEW.event_time, NEW.received_at, NEW.headers, NEW.conflict_of, NEW.digest,
      NEW.chain)
    IS NOT
     (OLD.position, OLD.context, OLD.key, OLD.event_id, OLD.resource_id, OLD.ticket_id,
      OLD.occurred_at, OLD.event_time, OLD.received_at, OLD.headers, OLD.conflict_of, OLD.digest,
      OLD.chain)
  OR NOT (
    EXISTS (
      SELECT 1 FROM segments WHERE OLD.position BETWEEN first_position AND last_position
    )
    OR EXISTS (SELECT 1 FROM erased WHERE kind = 'event' AND number = OLD.position)
  )
BEGIN
  SELECT RAISE(ABORT, 'log is append-only: no UPDATE');
END;
