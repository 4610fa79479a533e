-- By which cases that have ended, and mere records, are found where few of many are wanted. Those that are open are found by
-- gk_case_open, so that nothing here slows the taking in of cases. Lists are in the order of ids, so the commonest have them too.

CREATE INDEX gk_case_ended_by_grid ON gk_case (grid, id) WHERE is_open IS NOT 1;
CREATE INDEX gk_case_ended_by_category ON gk_case (category, id) WHERE is_open IS NOT 1;
CREATE INDEX gk_case_ended_by_state ON gk_case (state) WHERE is_open IS NOT 1;
CREATE INDEX gk_case_ended_by_departments ON gk_case (departments) WHERE is_open IS NOT 1;
-- Rows of a hundredth of a degree, and where in them.
CREATE INDEX gk_case_ended_by_place ON gk_case (CAST(lat * 100 AS INTEGER), lon) WHERE is_open IS NOT 1;
