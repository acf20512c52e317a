-- seals_refuse_update: what is kept stays as it is.
CREATE TRIGGER seals_refuse_update BEFORE UPDATE ON seals
BEGIN
  SELECT RAISE(ABORT, 'seals is append-only: no UPDATE');
END;
