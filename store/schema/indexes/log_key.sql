-- log_key: finds the identity of an arriving event.
CREATE INDEX log_key ON log (key);
