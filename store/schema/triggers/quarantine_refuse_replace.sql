-- quarantine_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER quarantine_refuse_replace BEFORE INSERT ON quarantine
WHEN EXISTS (SELECT 1 FROM quarantine WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'quarantine is append-only: no REPLACE');
END;
