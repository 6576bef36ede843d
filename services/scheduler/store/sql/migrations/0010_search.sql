-- What jobs are searched by: the pool that they may move within, how their last execution ended (unknown until the next).
ALTER TABLE jobs ADD COLUMN pool TEXT;

ALTER TABLE jobs ADD COLUMN last_run TEXT;

$postgresql UPDATE jobs SET pool = (SELECT CAST(body AS json) -> 'placement' ->> 'pool' FROM definitions WHERE job_id = jobs.id);

$sqlite UPDATE jobs SET pool = (SELECT json_extract(body, '$$.placement.pool') FROM definitions WHERE job_id = jobs.id);

-- The event that a decision was made because of, for what it did to which jobs. Rows of earlier versions have none.
ALTER TABLE history ADD COLUMN event_id TEXT;

CREATE INDEX history_of_event ON history (event_id, id DESC) WHERE event_id IS NOT NULL;

-- What jobs are found by their tags with; written and deleted with their definitions, which have them, too.
CREATE TABLE job_tags (
    name $key NOT NULL,
    value $key NOT NULL,
    job_id BIGINT NOT NULL,
    PRIMARY KEY (name, value, job_id)
);

CREATE INDEX job_tags_of_job ON job_tags (job_id);

$postgresql INSERT INTO job_tags (name, value, job_id) SELECT one.key, one.value, definitions.job_id FROM definitions, json_each_text(CAST(body AS json) -> 'tags') AS one;

$sqlite INSERT INTO job_tags (name, value, job_id) SELECT one.key, one.value, definitions.job_id FROM definitions, json_each(body, '$$.tags') AS one;
