-- contexts_refuse_delete: what is kept stays as it is.
CREATE TRIGGER contexts_refuse_delete BEFORE DELETE ON contexts
BEGIN
  SELECT RAISE(ABORT, 'contexts is append-only: no DELETE');
END;
