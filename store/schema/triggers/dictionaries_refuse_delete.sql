-- dictionaries_refuse_delete: what is kept stays as it is.
CREATE TRIGGER dictionaries_refuse_delete BEFORE DELETE ON dictionaries
BEGIN
  SELECT RAISE(ABORT, 'dictionaries is append-only: no DELETE');
END;
