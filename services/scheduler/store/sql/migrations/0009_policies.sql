-- Whether a collection has a policy of its own about maintenance: every replica keeps those few in memory.
ALTER TABLE collections ADD COLUMN has_policy BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX collections_policies ON collections (id) WHERE has_policy;
