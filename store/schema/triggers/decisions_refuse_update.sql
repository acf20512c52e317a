-- decisions_refuse_update: what is kept stays as it is.
CREATE TRIGGER decisions_refuse_update BEFORE UPDATE ON decisions
BEGIN
  SELECT RAISE(ABORT, 'decisions is append-only: no UPDATE');
END;
