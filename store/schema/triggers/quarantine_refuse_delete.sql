-- quarantine_refuse_delete: what is kept stays as it is.
CREATE TRIGGER quarantine_refuse_delete BEFORE DELETE ON quarantine
BEGIN
  SELECT RAISE(ABORT, 'quarantine is append-only: no DELETE');
END;
