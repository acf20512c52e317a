-- decisions_refuse_delete: what is kept stays as it is.
CREATE TRIGGER decisions_refuse_delete BEFORE DELETE ON decisions
BEGIN
  SELECT RAISE(ABORT, 'decisions is append-only: no DELETE');
END;
