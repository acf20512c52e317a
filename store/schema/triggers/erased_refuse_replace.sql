-- erased_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER erased_refuse_replace BEFORE INSERT ON erased
WHEN EXISTS (SELECT 1 FROM erased WHERE kind = NEW.kind AND number = NEW.number)
BEGIN
  SELECT RAISE(ABORT, 'erased is append-only: no REPLACE');
END;
