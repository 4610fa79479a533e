-- In which months there is something to look for, so that what is open now, or has just happened, is not planned and looked for in the
-- partitions of ten years. Kept by those who write cases, under the lock of gk_case_counter.

-- Who writes without keeping it must not go on: what is counted now would be wrong, and what is open hidden. The order is that of writers.
LOCK TABLE ONLY gk_case, gk_case_id, ONLY gk_case_event, gk_case_counter IN ACCESS EXCLUSIVE MODE;
ALTER TABLE gk_case_counter RENAME COLUMN number TO last_number;

CREATE TABLE gk_case_month (
  month timestamptz PRIMARY KEY,
  open_cases bigint NOT NULL,
  last_event bigint NOT NULL
);
COMMENT ON TABLE gk_case_month IS 'What there is in a month of reports; gk_count_months() counts it anew';
COMMENT ON COLUMN gk_case_month.month IS 'When the month begins, UTC';
COMMENT ON COLUMN gk_case_month.open_cases IS 'How many of its cases have not ended';
COMMENT ON COLUMN gk_case_month.last_event IS 'The number of the last event of one of its cases; 0 where there is none';

CREATE FUNCTION gk_count_months() RETURNS void LANGUAGE sql AS $$
  DELETE FROM gk_case_month;
  INSERT INTO gk_case_month (month, open_cases, last_event)
  SELECT month, coalesce(c.open_cases, 0), coalesce(e.last_event, 0)
  FROM (
    SELECT date_trunc('month', reported_at, 'UTC') AS month, count(*) AS open_cases FROM gk_case WHERE is_open = 1 GROUP BY 1
  ) AS c FULL JOIN (
    SELECT date_trunc('month', reported_at, 'UTC') AS month, max(number) AS last_event FROM gk_case_event GROUP BY 1
  ) AS e USING (month);
$$;
SELECT gk_count_months();

-- Which months the next ids lie in is read from the index alone.
ALTER TABLE gk_case_id DROP CONSTRAINT gk_case_id_pkey, ADD CONSTRAINT gk_case_id_pkey PRIMARY KEY (id) INCLUDE (reported_at);
