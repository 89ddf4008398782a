-- Version 4. What people said about an alert: who, over which way, and when by the clock of whoever carried it.

-- `code` is what a reply by SMS names the alert with; `doubted` counts cancellations that were not believed, and
-- `seen_as` is the state that is shown in the room since the first of them (NULL: there was none).
ALTER TABLE alert ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN seen_as TEXT;
CREATE INDEX alert_doubted ON alert (id) WHERE doubted > 0;

-- `way`: how it reached us (`link`, `sms`, `api`, `cli`). `said_at`: when, by the clock of who carried it.
ALTER TABLE alert_event ADD COLUMN way TEXT NOT NULL DEFAULT '';
ALTER TABLE alert_event ADD COLUMN said_at REAL;

-- `by` and `way`: who did what a follow-up tells of, and how. The times are the provider's own, if it gave any.
ALTER TABLE delivery ADD COLUMN by TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN way TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN provider_sent_at REAL;
ALTER TABLE delivery ADD COLUMN provider_delivered_at REAL;
