-- A statement after $postgresql is that database's alone; it stands on one line.

-- Jobs that are gone while their history is still to be deleted, a piece at a time (`sweep`). Ids are never given twice.
CREATE TABLE deleted_jobs (
    id BIGINT PRIMARY KEY
);

ALTER TABLE events ADD COLUMN ended_at BIGINT;

-- Events of earlier versions say when they ended in their bodies alone; the start is near enough for deleting them.
UPDATE events SET ended_at = first_seen_at WHERE NOT active;

CREATE INDEX events_active ON events (first_seen_at) WHERE active;

CREATE INDEX events_ended ON events (ended_at) WHERE ended_at IS NOT NULL;

-- Counters change with each outcome and are in no index: with room on its page a row is rewritten in place.
$postgresql ALTER TABLE jobs SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- Rows come and go within seconds, whatever the size of the table.
$postgresql ALTER TABLE occurrences SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

$postgresql ALTER TABLE history SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
