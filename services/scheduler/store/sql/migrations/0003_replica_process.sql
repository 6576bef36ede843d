-- Whose connections a life uses: what its transactions have locked is let go when the life is ended from outside.
ALTER TABLE replicas ADD COLUMN process TEXT NOT NULL DEFAULT '';
