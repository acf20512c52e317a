-- redeliveries_refuse_update: what is kept stays as it is.
CREATE TRIGGER redeliveries_refuse_update BEFORE UPDATE ON redeliveries
BEGIN
  SELECT RAISE(ABORT, 'redeliveries is append-only: no UPDATE');
END;
