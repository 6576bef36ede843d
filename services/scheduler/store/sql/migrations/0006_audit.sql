-- Who changed what, written in the transaction of the change. Names stand as they were: what they name may be gone.
CREATE TABLE audit (
    id $identity,
    at BIGINT NOT NULL,
    caller TEXT NOT NULL,
    request_id TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    subscription TEXT,
    resource_group TEXT,
    collection TEXT,
    job TEXT,
    host $key,
    subscription_key $key,
    group_key $key,
    collection_key $key,
    job_key $key,
    before TEXT,
    after TEXT,
    secrets TEXT
);

CREATE INDEX audit_at ON audit (at);

CREATE INDEX audit_job ON audit (collection_key, job_key, id);

-- Who has a collection deleted, as long as its jobs go: whoever goes on with a deletion that was cut short knows it.
ALTER TABLE collections ADD COLUMN deleted_by TEXT;
