-- redeliveries_refuse_delete: what is kept stays as it is.
CREATE TRIGGER redeliveries_refuse_delete BEFORE DELETE ON redeliveries
BEGIN
  SELECT RAISE(ABORT, 'redeliveries is append-only: no DELETE');
END;
