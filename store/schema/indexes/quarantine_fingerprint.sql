-- quarantine_fingerprint: groups refusals of one kind.
CREATE INDEX quarantine_fingerprint ON quarantine (fingerprint);
