-- Version 7. Alerts and deliveries get a rowid: they are long rows with random keys, and in a table without rowid
-- such rows fill the inner pages of its tree too. Of a million alerts a press had to read ten pages to find its
-- place in one; now it writes at the end, and reads a page or two of the index. A press that raised an alert gave
-- it its id, so only the others need an index to be found by.
CREATE TABLE alert_as_of_7 (
    id            TEXT PRIMARY KEY NOT NULL,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL,
    presses       INTEGER NOT NULL,
    pressed_at    REAL NOT NULL,
    last_press_at REAL NOT NULL,
    told_at       REAL NOT NULL,
    alert_json    TEXT NOT NULL,
    code          TEXT NOT NULL DEFAULT '',
    doubted       INTEGER NOT NULL DEFAULT 0,
    seen_as       TEXT
) STRICT;
INSERT INTO alert_as_of_7 SELECT id, kind, state, presses, pressed_at, last_press_at, told_at, alert_json, code,
    doubted, seen_as FROM alert ORDER BY pressed_at;
DROP TABLE alert;
ALTER TABLE alert_as_of_7 RENAME TO alert;
CREATE INDEX alert_by_press ON alert (pressed_at);
CREATE INDEX alert_still_open ON alert (state) WHERE state <> 'closed';

CREATE TABLE delivery_as_of_7 (
    id                    TEXT PRIMARY KEY NOT NULL,
    alert                 TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    purpose               TEXT NOT NULL,
    occasion              INTEGER NOT NULL,
    recipient             TEXT NOT NULL,
    channel               TEXT NOT NULL,
    unless                TEXT,
    state                 TEXT NOT NULL,
    made_at               REAL NOT NULL,
    due_at                REAL NOT NULL,
    expires_at            REAL NOT NULL,
    attempts              INTEGER NOT NULL DEFAULT 0,
    key_no                INTEGER NOT NULL DEFAULT 0,
    provider_id           TEXT,
    last_error            TEXT,
    sent_at               REAL,
    delivered_at          REAL,
    step                  INTEGER NOT NULL DEFAULT 0,
    turn                  INTEGER NOT NULL DEFAULT 0,
    next_after_s          REAL,
    by                    TEXT NOT NULL DEFAULT '',
    way                   TEXT NOT NULL DEFAULT '',
    provider_sent_at      REAL,
    provider_delivered_at REAL,
    seen_state            TEXT,
    seen_due_at           REAL,
    seen_expires_at       REAL,
    seen_attempts         INTEGER
) STRICT;
INSERT INTO delivery_as_of_7 SELECT id, alert, purpose, occasion, recipient, channel, unless, state, made_at, due_at,
    expires_at, attempts, key_no, provider_id, last_error, sent_at, delivered_at, step, turn, next_after_s, by, way,
    provider_sent_at, provider_delivered_at, seen_state, seen_due_at, seen_expires_at, seen_attempts
    FROM delivery ORDER BY made_at;
DROP TABLE delivery;
ALTER TABLE delivery_as_of_7 RENAME TO delivery;
CREATE INDEX delivery_of ON delivery (alert);
CREATE INDEX delivery_in_reserve ON delivery (due_at) WHERE state = 'reserve';
CREATE INDEX delivery_waiting ON delivery (due_at, channel, made_at, state)
    WHERE state IN ('queued', 'sending');
CREATE INDEX delivery_followed ON delivery (expires_at, due_at, channel, made_at, state, provider_id)
    WHERE state = 'sent' AND provider_id IS NOT NULL;

CREATE TABLE alert_event_as_of_7 (
    seq     INTEGER PRIMARY KEY,
    alert   TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    what    TEXT NOT NULL,
    at      REAL NOT NULL,
    by      TEXT NOT NULL,
    press   TEXT,
    way     TEXT NOT NULL DEFAULT '',
    said_at REAL
) STRICT;
INSERT INTO alert_event_as_of_7 SELECT seq, alert, what, at, by, press, way, said_at FROM alert_event ORDER BY seq;
DROP TABLE alert_event;
ALTER TABLE alert_event_as_of_7 RENAME TO alert_event;
CREATE INDEX alert_event_of ON alert_event (alert);
CREATE UNIQUE INDEX alert_event_press ON alert_event (press) WHERE press IS NOT NULL AND press <> alert;
CREATE TRIGGER alert_event_is_append_only BEFORE UPDATE ON alert_event
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
