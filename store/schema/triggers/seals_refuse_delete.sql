-- seals_refuse_delete: what is kept stays as it is.
CREATE TRIGGER seals_refuse_delete BEFORE DELETE ON seals
BEGIN
  SELECT RAISE(ABORT, 'seals is append-only: no DELETE');
END;
