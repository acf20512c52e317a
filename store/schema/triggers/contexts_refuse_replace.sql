-- contexts_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER contexts_refuse_replace BEFORE INSERT ON contexts
WHEN EXISTS (SELECT 1 FROM contexts WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'contexts is append-only: no REPLACE');
END;
