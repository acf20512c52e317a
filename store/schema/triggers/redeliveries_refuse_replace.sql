-- redeliveries_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER redeliveries_refuse_replace BEFORE INSERT ON redeliveries
WHEN EXISTS (SELECT 1 FROM redeliveries WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'redeliveries is append-only: no REPLACE');
END;
