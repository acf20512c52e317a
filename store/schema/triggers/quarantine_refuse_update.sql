-- quarantine_refuse_update: what is kept stays as it is.
CREATE TRIGGER quarantine_refuse_update BEFORE UPDATE ON quarantine
BEGIN
  SELECT RAISE(ABORT, 'quarantine is append-only: no UPDATE');
END;
