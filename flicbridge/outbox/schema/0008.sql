-- Version 8. Drills: what was tried out, when, and what came of it. `id` is that of its alert too, where it raised
-- one. `result` is 'running' until it is known; `took_json` says for each channel after how many milliseconds its
-- message was there (null: it was not).
CREATE TABLE drill (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,
    by        TEXT NOT NULL,
    began_at  REAL NOT NULL,
    ended_at  REAL,
    result    TEXT NOT NULL,
    detail    TEXT NOT NULL,
    took_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX drill_by_kind ON drill (kind, began_at);
CREATE INDEX drill_by_time ON drill (began_at);
