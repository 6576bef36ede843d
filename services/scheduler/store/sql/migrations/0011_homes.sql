-- What a job's own host is called by the job (placement.home_name), so that a page about a host finds its jobs.
ALTER TABLE jobs ADD COLUMN home TEXT;

$postgresql UPDATE jobs SET home = (SELECT CASE WHEN json_typeof(body -> 'placement') = 'object' THEN lower(body -> 'placement' ->> 'host') ELSE nullif(lower(translate(substring(body #>> '{action,call,uri}' from '^[^/]*//(?:[^/?#]*@)?(\[[^]]*\]|[^/?#:]*)'), '[]', '')), '') END FROM (SELECT CAST(body AS json) AS body FROM definitions WHERE job_id = jobs.id) AS one);

$sqlite UPDATE jobs SET home = (SELECT CASE WHEN placement IS NOT NULL THEN named WHEN uri IS NULL THEN NULL WHEN substr(place, 1, 1) = '[' THEN lower(substr(place, 2, instr(place, ']') - 2)) ELSE nullif(lower(substr(place, 1, instr(place || ':', ':') - 1)), '') END FROM (SELECT named, uri, placement, substr(authority, instr(authority, '@') + 1) AS place FROM (SELECT named, uri, placement, substr(rest, 1, min(instr(rest || '/', '/'), instr(rest || '?', '?'), instr(rest || '#', '#')) - 1) AS authority FROM (SELECT lower(host) AS named, substr(uri, instr(uri, '://') + 3) AS rest, uri, placement FROM (SELECT json_extract(body, '$$.placement.host') AS host, json_extract(body, '$$.action.call.uri') AS uri, json_extract(body, '$$.placement') AS placement FROM definitions WHERE job_id = jobs.id)))));

CREATE INDEX jobs_of_home ON jobs (home) WHERE jobs.home IS NOT NULL;
