-- log_refuse_delete: what is kept stays as it is.
CREATE TRIGGER log_refuse_delete BEFORE DELETE ON log
BEGIN
  SELECT RAISE(ABORT, 'log is append-only: no DELETE');
END;
