-- Version 9. `cancels` counts the cancellations that everybody was told of, as far as the room is to know: an alert that
-- is confirmed can be cancelled once more, and its follow-up needs an id of its own. So far there was one at most. What
-- the room must not notice has an `occasion` below 0 now; it was above.
ALTER TABLE alert ADD COLUMN cancels INTEGER NOT NULL DEFAULT 0;
UPDATE alert SET cancels = 1 WHERE state <> 'closed' AND EXISTS (
    SELECT 1 FROM alert_event WHERE alert_event.alert = alert.id AND what IN ('cancelled', 'doubted'));
UPDATE delivery SET occasion = -occasion WHERE purpose = 'cancelled' AND occasion > 0;
