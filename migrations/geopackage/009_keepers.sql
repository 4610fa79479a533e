-- Clocks that ring, and cases in doubt between two units.

-- When the next word about one of its clocks is due; null while none runs.
ALTER TABLE gk_case ADD COLUMN alarm_at DATETIME;
-- Metres to the border, where it is so near that the grid is in doubt; else null.
ALTER TABLE gk_case ADD COLUMN border_m DOUBLE;
CREATE INDEX gk_case_by_alarm ON gk_case (alarm_at) WHERE alarm_at IS NOT NULL;
CREATE INDEX gk_case_by_border ON gk_case (border_m) WHERE border_m IS NOT NULL AND is_open = 1;
CREATE INDEX gk_case_open_by_holder ON gk_case (holder) WHERE is_open = 1;
-- An older program told of no clock: what has a due time rings then.
UPDATE gk_case SET alarm_at = due_at WHERE is_open = 1;
