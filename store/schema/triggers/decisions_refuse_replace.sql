-- decisions_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER decisions_refuse_replace BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id OR entry = NEW.entry)
BEGIN
  SELECT RAISE(ABORT, 'decisions is append-only: no REPLACE');
END;
