-- erased_refuse_delete: what is kept stays as it is.
CREATE TRIGGER erased_refuse_delete BEFORE DELETE ON erased
BEGIN
  SELECT RAISE(ABORT, 'erased is append-only: no DELETE');
END;
