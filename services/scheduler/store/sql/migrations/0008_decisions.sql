-- Why an occurrence ran where it did, was held, moved or skipped (JSON); empty where nothing was to be decided.
ALTER TABLE history ADD COLUMN decision TEXT;
