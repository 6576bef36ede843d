-- Words in $ are the database's own: $identity a rising number, $key text that sorts and compares byte by byte.

CREATE TABLE collections (
    id $identity,
    subscription TEXT NOT NULL,
    resource_group TEXT NOT NULL,
    name TEXT NOT NULL,
    subscription_key $key NOT NULL,
    group_key $key NOT NULL,
    name_key $key NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (subscription_key, group_key, name_key)
);

-- Narrow on purpose: each firing rewrites the row twice, and the definition (the bulk) never with it.
CREATE TABLE jobs (
    id $identity,
    collection_id BIGINT NOT NULL REFERENCES collections (id),
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key $key NOT NULL,
    state TEXT NOT NULL,
    anchor BIGINT NOT NULL,
    next_due BIGINT,
    planned INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    execution_count INTEGER NOT NULL,
    failure_count INTEGER NOT NULL,
    faulted_count INTEGER NOT NULL,
    last_execution_time BIGINT,
    gate_open BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (collection_id, name_key)
);

CREATE INDEX jobs_claimable ON jobs (next_due) WHERE next_due IS NOT NULL AND state = 'enabled' AND gate_open;

CREATE INDEX jobs_ended ON jobs (updated_at) WHERE state IN ('completed', 'faulted');

CREATE TABLE definitions (
    job_id BIGINT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    body TEXT NOT NULL
);

-- Unfinished only. No foreign keys here and in history: rows are written under their job's lock and deleted with it,
-- and a check per row would be most of the cost of writing one.
CREATE TABLE occurrences (
    id $key PRIMARY KEY,
    job_id BIGINT NOT NULL,
    due BIGINT NOT NULL,
    fire_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    owner BIGINT,
    action TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    manual BOOLEAN NOT NULL,
    host TEXT,
    reason TEXT NOT NULL,
    held_under TEXT NOT NULL
);

CREATE INDEX occurrences_ready ON occurrences (fire_at) WHERE state = 'ready';

CREATE INDEX occurrences_held ON occurrences (id) WHERE state = 'held';

CREATE INDEX occurrences_owned ON occurrences (owner) WHERE owner IS NOT NULL;

CREATE INDEX occurrences_of_job ON occurrences (job_id);

CREATE TABLE history (
    id $identity,
    job_id BIGINT NOT NULL,
    occurrence_id TEXT NOT NULL,
    scheduled_time BIGINT NOT NULL,
    start_time BIGINT NOT NULL,
    end_time BIGINT NOT NULL,
    action_name TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    host TEXT,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    retry_count INTEGER NOT NULL,
    repeat_count INTEGER NOT NULL
);

CREATE INDEX history_of_job ON history (job_id, id DESC);

CREATE INDEX history_by_age ON history (end_time);

-- The fence is never given twice, also after its row is gone: it names the owner of a claim.
CREATE TABLE replicas (
    fence $identity,
    session TEXT NOT NULL UNIQUE,
    replica TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);

CREATE TABLE runs (
    id $key PRIMARY KEY,
    asked_at BIGINT NOT NULL
);

CREATE INDEX runs_by_age ON runs (asked_at);

CREATE TABLE events (
    key $key PRIMARY KEY,
    first_seen_at BIGINT NOT NULL,
    active BOOLEAN NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX events_by_age ON events (first_seen_at);

CREATE TABLE approvals (
    event_key $key PRIMARY KEY,
    replica TEXT,
    taken_at BIGINT,
    body TEXT NOT NULL
);

CREATE TABLE drain_reports (
    event_key $key NOT NULL,
    host $key NOT NULL,
    session $key NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (event_key, host, session)
);

CREATE TABLE cordons (
    host $key PRIMARY KEY,
    body TEXT NOT NULL
);
