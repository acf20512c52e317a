-- log_refuse_replace: positions grow by one, and INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER log_refuse_replace BEFORE INSERT ON log
WHEN NEW.position IS NOT 1 + coalesce(
    (SELECT max(position) FROM log), (SELECT max(position) FROM early_events), 0
  )
  OR EXISTS (
    SELECT 1
    FROM log AS old
    JOIN contexts AS known ON known.id = old.context
    JOIN contexts AS its ON its.id = NEW.context
    WHERE old.key = NEW.key AND old.event_id = NEW.event_id AND old.digest = NEW.digest
      AND known.source = its.source AND known.event_type = its.event_type
  )
  OR EXISTS (
    SELECT 1
    FROM contexts AS its
    JOIN early_events AS old ON old.source = its.source AND old.event_type = its.event_type
    WHERE its.id = NEW.context AND old.event_id = NEW.event_id AND old.digest = NEW.digest
  )
BEGIN
  SELECT RAISE(ABORT, 'log is append-only: the next position, and content it has not yet');
END;
