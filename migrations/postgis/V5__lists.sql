-- By which cases that have ended, and mere records, are found where few of many are wanted. Those that are open are found by
-- gk_case_open, so that nothing here slows the taking in of cases.

CREATE INDEX gk_case_ended_by_state ON gk_case (state) WHERE is_open IS DISTINCT FROM 1;
CREATE INDEX gk_case_ended_by_category ON gk_case (category) WHERE is_open IS DISTINCT FROM 1;
