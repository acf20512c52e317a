-- erased_refuse_update: what is kept stays as it is.
CREATE TRIGGER erased_refuse_update BEFORE UPDATE ON erased
BEGIN
  SELECT RAISE(ABORT, 'erased is append-only: no UPDATE');
END;
