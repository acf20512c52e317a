-- dictionaries_refuse_update: what is kept stays as it is.
CREATE TRIGGER dictionaries_refuse_update BEFORE UPDATE ON dictionaries
BEGIN
  SELECT RAISE(ABORT, 'dictionaries is append-only: no UPDATE');
END;
