-- Until when a case has a part in what is counted, so that a period is judged without the cases of all other times.

-- Its last event, or the last due time of one of its clocks, whichever is later; null for a mere record.
ALTER TABLE gk_case ADD COLUMN part_until DATETIME;
-- 1 where that is more than 30 days after it was reported, else 0.
ALTER TABLE gk_case ADD COLUMN is_long INTEGER;
UPDATE gk_case SET part_until = (
  SELECT max(part) FROM (
    SELECT at AS part FROM gk_case_event AS e WHERE e.case_id = gk_case.id
    UNION ALL
    SELECT strftime('%Y-%m-%dT%H:%M:%fZ', clock.value ->> 'due_at')
    FROM gk_case_event AS e, json_each(e.facts, '$.clocks') AS clock WHERE e.case_id = gk_case.id
  )
) WHERE version IS NOT NULL;
UPDATE gk_case SET is_long = part_until > strftime('%Y-%m-%dT%H:%M:%fZ', reported_at, '+30 days') WHERE version IS NOT NULL;
CREATE INDEX gk_case_long ON gk_case (is_long, reported_at, part_until) WHERE is_long = 1;
