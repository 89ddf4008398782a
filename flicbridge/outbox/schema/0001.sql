-- Version 1. Times are UTC seconds since 1970, ids are UUIDs in text form.
--
-- A press waits for what is written here to reach the disk, so tables with a text key have no rowid and few
-- indexes: every page less is time less.

-- One row per button: the pairing (secret) and how far its events are settled.
CREATE TABLE button (
    serial       TEXT PRIMARY KEY,
    pairing_json TEXT,
    boot_id      INTEGER,
    event_count  INTEGER
) STRICT, WITHOUT ROWID;

-- One row per alert. `alert_json` is the snapshot taken at the press and never changes; the rest is where the
-- alert stands, which its history explains.
CREATE TABLE alert (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL,
    presses       INTEGER NOT NULL,
    pressed_at    REAL NOT NULL,
    last_press_at REAL NOT NULL,
    told_at       REAL NOT NULL,
    alert_json    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_by_press ON alert (pressed_at);
CREATE INDEX alert_still_open ON alert (state) WHERE state <> 'closed';

-- What happened, in order. Append-only; `press` makes sure that no press counts twice.
CREATE TABLE alert_event (
    seq   INTEGER PRIMARY KEY,
    alert TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    what  TEXT NOT NULL,
    at    REAL NOT NULL,
    by    TEXT NOT NULL,
    press TEXT UNIQUE
) STRICT;
CREATE INDEX alert_event_of ON alert_event (alert);
CREATE TRIGGER alert_event_is_append_only BEFORE UPDATE ON alert_event
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

-- One message to one recipient over one channel. `key_no` counts the idempotency keys used up by a provider
-- that accepted the message and failed it later.
CREATE TABLE delivery (
    id           TEXT PRIMARY KEY,
    alert        TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    purpose      TEXT NOT NULL,
    occasion     INTEGER NOT NULL,
    recipient    TEXT NOT NULL,
    channel      TEXT NOT NULL,
    unless       TEXT,
    state        TEXT NOT NULL,
    made_at      REAL NOT NULL,
    due_at       REAL NOT NULL,
    expires_at   REAL NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    key_no       INTEGER NOT NULL DEFAULT 0,
    provider_id  TEXT,
    last_error   TEXT,
    sent_at      REAL,
    delivered_at REAL
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_of ON delivery (alert);
CREATE INDEX delivery_unfinished ON delivery (due_at) WHERE state IN ('queued', 'sending', 'sent');

-- Every try, for the history.
CREATE TABLE attempt (
    seq      INTEGER PRIMARY KEY,
    delivery TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    at       REAL NOT NULL,
    took_s   REAL NOT NULL,
    outcome  TEXT NOT NULL,
    detail   TEXT NOT NULL
) STRICT;
CREATE INDEX attempt_of ON attempt (delivery);

-- The newest observation of each kind, so that `status` knows after a restart what was last heard.
CREATE TABLE observation (
    subject    TEXT NOT NULL,
    fact       TEXT NOT NULL,
    value_json TEXT NOT NULL,
    at         REAL NOT NULL,
    PRIMARY KEY (subject, fact)
) STRICT, WITHOUT ROWID;
