-- events_refuse_replace: positions grow by one, and INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
  OR EXISTS (
    SELECT 1 FROM events
    WHERE source = NEW.source AND event_type = NEW.event_type
      AND event_id = NEW.event_id AND digest = NEW.digest
  )
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: the next position, and content it has not yet');
END;
