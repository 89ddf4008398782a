"""Every statement that the store sends to SQLite, named and explained. Times are UTC seconds since 1970."""

from typing import Final

# A press counts once: in whatever alert it is, it is in there already. The one that raised it gave it its id.
ALERT_OF_PRESS: Final = """
SELECT alert FROM alert_event WHERE alert = :press AND press = :press
UNION ALL
SELECT alert FROM alert_event WHERE press = :press AND press <> alert
LIMIT 1
"""

# An alert's snapshot is written once; afterwards only where it stands is updated, and the times if the clock
# that dated them was wrong. What was sent from memory may be here before its press is.
PUT_STANDING: Final = """
INSERT INTO alert (id, kind, state, presses, pressed_at, last_press_at, told_at, alert_json,
    code, doubted, seen_as, cancels)
VALUES (:id, :kind, :state, :presses, :pressed_at, :last_press_at, :told_at, :alert_json,
    :code, :doubted, :seen_as, :cancels)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, presses = excluded.presses,
    pressed_at = excluded.pressed_at, last_press_at = excluded.last_press_at, told_at = excluded.told_at,
    code = excluded.code, doubted = excluded.doubted, seen_as = excluded.seen_as, cancels = excluded.cancels
"""

# A disk that did not answer in time may have written it all the same.
ADD_EVENT: Final = """
INSERT INTO alert_event (alert, what, at, by, press, way, said_at)
SELECT :alert, :what, :at, :by, :press, :way, :said_at
WHERE NOT EXISTS (SELECT 1 FROM alert_event
    WHERE alert = :alert AND what = :what AND at = :at AND by = :by AND press IS :press)
"""

# A delivery that is already there is the same delivery: its id says so.
ADD_DELIVERY: Final = """
INSERT INTO delivery (id, alert, purpose, occasion, recipient, channel, unless, state,
    made_at, due_at, expires_at, attempts, step, turn, next_after_s, by, way)
VALUES (:id, :alert, :purpose, :occasion, :recipient, :channel, :unless, :state,
    :made_at, :due_at, :expires_at, :attempts, :step, :turn, :next_after_s, :by, :way)
ON CONFLICT (id) DO NOTHING
"""

# What has not left the house when an alert is answered, cancelled or given up need not leave it any more: in
# truth, or only as it is seen in the room. Both are one statement on the same rows, so that no stopwatch can
# tell them apart.
CALL_OFF: Final = """
UPDATE delivery SET
    seen_state = CASE WHEN COALESCE(seen_state, state) IN ('queued', 'reserve') AND (:seen_all
            OR (:seen_unless AND unless IS NOT NULL)
            OR (:seen_reserve AND COALESCE(seen_state, state) = 'reserve'))
        THEN 'withdrawn' ELSE COALESCE(seen_state, state) END,
    seen_due_at = COALESCE(seen_due_at, due_at),
    seen_expires_at = COALESCE(seen_expires_at, expires_at),
    seen_attempts = COALESCE(seen_attempts, attempts),
    state = CASE WHEN state IN ('queued', 'reserve') AND (:all OR (:unless AND unless IS NOT NULL)
            OR (:reserve AND state = 'reserve'))
        THEN 'withdrawn' ELSE state END
WHERE alert = :alert
  AND (purpose NOT IN ('cancelled', 'doubted', 'answered', 'tested') OR unless IS NOT NULL)
  AND (state IN ('queued', 'reserve') OR seen_state = 'reserve')
  AND (:all OR :seen_all OR ((:unless OR :seen_unless) AND unless IS NOT NULL)
    OR ((:reserve OR :seen_reserve) AND 'reserve' IN (state, seen_state)))
"""

# A try that is under way when people close its alert still says itself what became of it. But if we die
# during it, it is not taken up again: the next run does not know what is closed, and would send it.
BREAK_OFF: Final = """
UPDATE delivery SET state = 'withdrawn'
WHERE alert = :alert AND state = 'sending'
  AND (purpose NOT IN ('cancelled', 'doubted', 'answered', 'tested') OR unless IS NOT NULL)
"""

# A single one, whose time has come although it is not needed.
WITHDRAW: Final = """
UPDATE delivery SET
    seen_state = COALESCE(seen_state, 'withdrawn'), seen_due_at = COALESCE(seen_due_at, :at),
    seen_expires_at = COALESCE(seen_expires_at, expires_at),
    seen_attempts = COALESCE(seen_attempts, attempts),
    last_error = CASE WHEN :really AND state <> 'withdrawn' THEN :detail ELSE last_error END,
    due_at = CASE WHEN :really AND state <> 'withdrawn' THEN :at ELSE due_at END,
    state = CASE WHEN :really THEN 'withdrawn' ELSE state END
WHERE id = :id
"""

# Its line in the history, unless it was called off before.
ADD_WITHDRAWAL: Final = """
INSERT INTO attempt (delivery, number, at, took_s, outcome, detail)
SELECT id, :number, :at, 0.0, 'withdrawn', :detail FROM delivery WHERE id = :id AND seen_state IS NULL
"""

# The turn of a channel has come; with `secret`, for a reason that the room knows nothing of.
RELEASE: Final = """
UPDATE delivery SET
    seen_state = CASE WHEN :secret THEN COALESCE(seen_state, state) ELSE seen_state END,
    seen_due_at = CASE WHEN :secret THEN COALESCE(seen_due_at, due_at) ELSE seen_due_at END,
    seen_expires_at = CASE WHEN :secret THEN COALESCE(seen_expires_at, expires_at) ELSE seen_expires_at END,
    seen_attempts = CASE WHEN :secret THEN COALESCE(seen_attempts, attempts) ELSE seen_attempts END,
    state = 'queued', due_at = :due_at, expires_at = :expires_at
WHERE id = :id AND state = 'reserve'
"""

# What a restart has to keep in reserve again, with the snapshots to speak of.
IN_RESERVE: Final = """
SELECT delivery.*, alert.alert_json, alert.presses, alert.code
FROM delivery JOIN alert ON alert.id = delivery.alert
WHERE delivery.state = 'reserve' ORDER BY delivery.due_at
"""

# How far a button's events are settled.
PUT_MARK: Final = """
INSERT INTO button (serial, boot_id, event_count, small_count)
VALUES (:serial, :boot_id, :event_count, :small_count)
ON CONFLICT (serial) DO UPDATE SET boot_id = excluded.boot_id, event_count = excluded.event_count,
    small_count = excluded.small_count
"""

# A new pairing overrules the old one, its counters included.
PUT_PAIRING: Final = """
INSERT INTO button (serial, pairing_json, boot_id, event_count, small_count)
VALUES (:serial, :pairing_json, :boot_id, :event_count, :small_count)
ON CONFLICT (serial) DO UPDATE SET pairing_json = excluded.pairing_json,
    boot_id = excluded.boot_id, event_count = excluded.event_count, small_count = excluded.small_count
"""

# The secret goes, the counters stay: an old press must not become a new alert when the button comes back.
FORGET_PAIRING: Final = """
UPDATE button SET pairing_json = NULL WHERE serial = :serial AND pairing_json IS NOT NULL
"""

# From the second copy into a database that does not know the button.
RESTORE_BUTTON: Final = """
INSERT OR IGNORE INTO button (serial, pairing_json, boot_id, event_count, small_count)
VALUES (:serial, :pairing_json, :boot_id, :event_count, :small_count)
"""

BUTTONS: Final = "SELECT serial, pairing_json, boot_id, event_count, small_count FROM button"

# Taken up for one try; written before the network is touched.
LEASE: Final = "UPDATE delivery SET state = 'sending', attempts = :attempts WHERE id = :id"

# What became of a try.
SETTLE: Final = """
UPDATE delivery SET state = :state, due_at = :due_at, attempts = :attempts, key_no = :key_no,
    provider_id = :provider_id, last_error = :last_error,
    sent_at = COALESCE(sent_at, :sent_at), delivered_at = COALESCE(delivered_at, :delivered_at),
    provider_sent_at = COALESCE(provider_sent_at, :provider_sent_at),
    provider_delivered_at = COALESCE(provider_delivered_at, :provider_delivered_at)
WHERE id = :id
"""

ADD_ATTEMPT: Final = """
INSERT INTO attempt (delivery, number, at, took_s, outcome, detail, secret)
SELECT id, :number, :at, :took_s, :outcome, :detail, seen_state IS NOT NULL FROM delivery
WHERE id = :delivery AND NOT EXISTS (SELECT 1 FROM attempt
    WHERE delivery = :delivery AND number = :number AND at = :at AND outcome = :outcome)
"""

# What a restart has to take up again. `sending` means that we died during the try; nobody knows its outcome.
# `sent` is only of interest to channels that can say what became of a message, and not for ever. Two queries
# in one, each with an index of its own: nothing else is looked at, however long the history.
UNFINISHED: Final = """
SELECT id, channel, due_at, made_at FROM delivery WHERE state IN ('queued', 'sending')
UNION ALL
SELECT id, channel, due_at, made_at FROM delivery
WHERE state = 'sent' AND provider_id IS NOT NULL AND expires_at > :now
ORDER BY due_at
"""

# The newest of them: somebody may still be waiting.
NEWEST: Final = "SELECT id, due_at FROM (" + UNFINISHED + ") ORDER BY made_at DESC LIMIT :limit"  # noqa: S608

# One of them, if it is still unfinished.
JOB: Final = """
SELECT delivery.*, alert.alert_json, alert.presses, alert.code
FROM delivery JOIN alert ON alert.id = delivery.alert
WHERE delivery.id = :id AND (delivery.state IN ('queued', 'sending')
    OR (delivery.state = 'sent' AND delivery.provider_id IS NOT NULL))
"""

# What a delivery hangs on, where a sick disk kept them from being written: the outcome of a try brings them.
ADD_MISSING_STANDING: Final = """
INSERT OR IGNORE INTO alert (id, kind, state, presses, pressed_at, last_press_at, told_at, alert_json,
    code, doubted, seen_as, cancels)
VALUES (:id, :kind, :state, :presses, :pressed_at, :last_press_at, :told_at, :alert_json,
    :code, :doubted, :seen_as, :cancels)
"""

STANDINGS: Final = "SELECT * FROM alert WHERE state <> 'closed'"

# For people: newest first.
LIST_ALERTS: Final = "SELECT * FROM alert ORDER BY pressed_at DESC LIMIT :limit"
SHOW_ALERT: Final = "SELECT * FROM alert WHERE id = :id"
FIND_ALERT: Final = "SELECT id FROM alert WHERE id LIKE :prefix || '%' LIMIT 2"
# A reply that moved nothing is only kept to be known again.
HISTORY: Final = "SELECT * FROM alert_event WHERE alert = :alert AND what <> 'heard' ORDER BY seq"
DELIVERY: Final = "SELECT id FROM delivery WHERE id = :id"
DELIVERIES: Final = "SELECT * FROM delivery WHERE alert = :alert ORDER BY due_at, channel, purpose"
ATTEMPTS: Final = """
SELECT attempt.* FROM attempt JOIN delivery ON delivery.id = attempt.delivery
WHERE delivery.alert = :alert ORDER BY attempt.seq
"""
# What waits, as far as the room is to know. A cancellation that follows a doubted one is told in secret.
COUNTS: Final = """
SELECT state, COUNT(*) AS number, MIN(CASE WHEN attempts > 0 THEN made_at END) AS tried_made_at
FROM delivery
WHERE state IN ('queued', 'sending') AND seen_state IS NULL AND NOT (purpose = 'cancelled' AND occasion < 0)
GROUP BY state
"""
OLDEST_DUE: Final = """
SELECT MIN(due_at) AS due_at FROM delivery
WHERE state IN ('queued', 'sending') AND seen_state IS NULL AND NOT (purpose = 'cancelled' AND occasion < 0)
"""

# Whether the disk takes what is written: a row that is written each time, and that nobody reads.
PROBE: Final = """
INSERT OR REPLACE INTO observation (subject, fact, value_json, at) VALUES ('store', 'probe', 'null', 0)
"""

PUT_OBSERVATION: Final = """
INSERT INTO observation (subject, fact, value_json, at) VALUES (:subject, :fact, :value_json, :at)
ON CONFLICT (subject, fact) DO UPDATE SET value_json = excluded.value_json, at = excluded.at
"""
OBSERVATIONS: Final = "SELECT * FROM observation WHERE fact <> 'probe'"
FORGET_SUBJECT: Final = "DELETE FROM observation WHERE subject = :subject"
RENAME_SUBJECT: Final = "UPDATE OR REPLACE observation SET subject = :new WHERE subject = :old"

# What a clock dated that nobody had set.
UNDATED: Final = "SELECT id, pressed_at, alert_json FROM alert WHERE pressed_at < :earliest"

# Dated anew; the snapshot keeps what that clock said.
REDATE: Final = """
UPDATE alert SET pressed_at = pressed_at + :error_s, last_press_at = last_press_at + :error_s,
    told_at = told_at + :error_s
WHERE id = :id
"""

# Old and done: the history is kept for so many days and no longer. A slice at a time: whoever presses
# meanwhile waits for one slice at most. The rest of an alert goes with it.
PRUNE: Final = """
DELETE FROM alert WHERE id IN (
    SELECT id FROM alert WHERE pressed_at < :before AND state = 'closed' AND NOT EXISTS (
        SELECT 1 FROM delivery WHERE delivery.alert = alert.id AND delivery.state IN ('queued', 'sending'))
    ORDER BY pressed_at LIMIT :slice)
"""

# Where some keys have their place, in every index that a press writes to: this reads their inner pages.
PLACES: Final = """
SELECT (SELECT max(id) FROM alert WHERE id < key.value),
    (SELECT max(alert) FROM alert_event WHERE alert < key.value),
    (SELECT max(id) FROM delivery WHERE id < key.value),
    (SELECT max(alert) FROM delivery WHERE alert < key.value),
    (SELECT max(delivery) FROM attempt WHERE delivery < key.value)
FROM json_each(:keys) AS key
"""
