-- Until when a case has a part in what is counted, so that a period is judged without the cases of all other times.

ALTER TABLE gk_case ADD COLUMN part_until timestamptz, ADD COLUMN is_long integer;
COMMENT ON COLUMN gk_case.part_until IS 'Its last event, or the last due time of one of its clocks, whichever is later; null for a mere record';
COMMENT ON COLUMN gk_case.is_long IS '1 where that is more than 30 days after it was reported, else 0';
-- A month that is being taken out stands beside the table, and is read as it is.
DO $$
DECLARE
  month text;
BEGIN
  FOR month IN
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^gk_case_[0-9]{4}_[0-9]{2}_out$' AND pg_table_is_visible(oid)
  LOOP
    EXECUTE format('ALTER TABLE %I ADD COLUMN part_until timestamptz, ADD COLUMN is_long integer', month);
  END LOOP;
END
$$;
UPDATE gk_case AS c SET part_until = e.part, is_long = (e.part > c.reported_at + interval '30 days')::integer
FROM (
  SELECT case_id, reported_at, max(greatest(at, due)) AS part
  FROM gk_case_event LEFT JOIN LATERAL (
    SELECT max((clock ->> 'due_at')::timestamptz) AS due FROM json_array_elements(facts -> 'clocks') AS clock
  ) AS clocks ON true
  GROUP BY case_id, reported_at
) AS e
WHERE e.case_id = c.id AND e.reported_at = c.reported_at AND c.version IS NOT NULL;
CREATE INDEX gk_case_long ON gk_case (is_long, reported_at, part_until) WHERE is_long = 1;
