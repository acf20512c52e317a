-- seals_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER seals_refuse_replace BEFORE INSERT ON seals
WHEN EXISTS (SELECT 1 FROM seals WHERE entry = NEW.entry)
BEGIN
  SELECT RAISE(ABORT, 'seals is append-only: no REPLACE');
END;
