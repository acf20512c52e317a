-- contexts_refuse_update: what is kept stays as it is.
CREATE TRIGGER contexts_refuse_update BEFORE UPDATE ON contexts
BEGIN
  SELECT RAISE(ABORT, 'contexts is append-only: no UPDATE');
END;
