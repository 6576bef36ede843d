-- Whether a life holds a session lock on a connection of its own: then nobody has to wait for its lease when it is dead.
ALTER TABLE replicas ADD COLUMN guarded BOOLEAN NOT NULL DEFAULT FALSE;

-- How long it may be silent; lives of earlier versions, which do not say, get a minute.
ALTER TABLE replicas ADD COLUMN lease_ms BIGINT NOT NULL DEFAULT 60000;
