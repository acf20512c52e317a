-- erasures_refuse_update: what is kept stays as it is.
CREATE TRIGGER erasures_refuse_update BEFORE UPDATE ON erasures
BEGIN
  SELECT RAISE(ABORT, 'erasures is append-only: no UPDATE');
END;
