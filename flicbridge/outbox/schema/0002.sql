-- Version 2. A Flic Duo counts for each of its two buttons: `event_count` is that of the big one, or of the only
-- one there is.
ALTER TABLE button ADD COLUMN small_count INTEGER NOT NULL DEFAULT 0;
