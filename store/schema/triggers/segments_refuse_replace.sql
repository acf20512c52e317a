-- segments_refuse_replace: INSERT OR REPLACE, which fires no DELETE trigger, replaces nothing.
CREATE TRIGGER segments_refuse_replace BEFORE INSERT ON segments
WHEN EXISTS (SELECT 1 FROM segments WHERE segment = NEW.segment AND version = NEW.version)
BEGIN
  SELECT RAISE(ABORT, 'segments is append-only: no REPLACE');
END;
