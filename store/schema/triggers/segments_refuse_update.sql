-- segments_refuse_update: what is kept stays as it is.
CREATE TRIGGER segments_refuse_update BEFORE UPDATE ON segments
BEGIN
  SELECT RAISE(ABORT, 'segments is append-only: no UPDATE');
END;
