-- Version 3. Steps of the plan that are repeated, and channels that are tried one after the other: `step` and `turn`
-- say where in the plan a delivery stands, `next_after_s` how long its turn lasts before the next channel's comes
-- (NULL: it waits for none, all channels at once). A delivery whose turn has not come is in the state 'reserve'.
ALTER TABLE delivery ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN next_after_s REAL;
CREATE INDEX delivery_in_reserve ON delivery (due_at) WHERE state = 'reserve';
