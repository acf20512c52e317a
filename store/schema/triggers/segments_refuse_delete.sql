-- segments_refuse_delete: what is kept stays as it is.
CREATE TRIGGER segments_refuse_delete BEFORE DELETE ON segments
BEGIN
  SELECT RAISE(ABORT, 'segments is append-only: no DELETE');
END;
