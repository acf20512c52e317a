-- dictionaries_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER dictionaries_refuse_replace BEFORE INSERT ON dictionaries
WHEN EXISTS (SELECT 1 FROM dictionaries WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'dictionaries is append-only: no REPLACE');
END;
