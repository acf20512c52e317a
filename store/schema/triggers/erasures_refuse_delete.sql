-- erasures_refuse_delete: what is kept stays as it is.
CREATE TRIGGER erasures_refuse_delete BEFORE DELETE ON erasures
BEGIN
  SELECT RAISE(ABORT, 'erasures is append-only: no DELETE');
END;
