-- The keys that the secrets of a job are sealed under, with blanks between them; earlier versions kept no secrets.
ALTER TABLE jobs ADD COLUMN sealed_under $key;

CREATE INDEX jobs_sealed ON jobs (sealed_under, id) WHERE sealed_under IS NOT NULL;
