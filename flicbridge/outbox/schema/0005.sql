-- Version 5. For a history of a million messages: `sent` is the end of most of them, so the index of what a start
-- has to take up must not hold them, or every start reads all history. What waits and what can still be followed
-- have an index each, with all that is asked of them, so that a long queue is read in one piece.
DROP INDEX delivery_unfinished;
CREATE INDEX delivery_waiting ON delivery (due_at, channel, made_at, state)
    WHERE state IN ('queued', 'sending');
CREATE INDEX delivery_followed ON delivery (expires_at, due_at, channel, made_at, state, provider_id)
    WHERE state = 'sent' AND provider_id IS NOT NULL;
