-- Version 6. What the room sees of a message of an alert that goes on although it looks stopped: `seen_*` is how the
-- delivery stood when it was called off (NULL: it is seen as it is), so that a restart hides what was hidden before.
-- It is written for every delivery that is called off, in truth or not: both take the same work. A try with
-- `secret` is one that the room does not see.
ALTER TABLE delivery ADD COLUMN seen_state TEXT;
ALTER TABLE delivery ADD COLUMN seen_due_at REAL;
ALTER TABLE delivery ADD COLUMN seen_expires_at REAL;
ALTER TABLE delivery ADD COLUMN seen_attempts INTEGER;
ALTER TABLE attempt ADD COLUMN secret INTEGER NOT NULL DEFAULT 0;
DROP INDEX alert_doubted;
