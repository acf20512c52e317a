-- quarantine_refuse_update: what is kept stays as it is; only a body may go, when its erasure is written down.
CREATE TRIGGER quarantine_refuse_update BEFORE UPDATE ON quarantine
WHEN NEW.body IS NOT x''
  OR (NEW.id, NEW.source, NEW.path, NEW.headers, NEW.received_at, NEW.status, NEW.reasons,
      NEW.fingerprint)
    IS NOT
     (OLD.id, OLD.source, OLD.path, OLD.headers, OLD.received_at, OLD.status, OLD.reasons,
      OLD.fingerprint)
  OR NOT EXISTS (SELECT 1 FROM erased WHERE kind = 'refusal' AND number = OLD.id)
BEGIN
  SELECT RAISE(ABORT, 'quarantine is append-only: no UPDATE');
END;
