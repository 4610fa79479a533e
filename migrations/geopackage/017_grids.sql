-- What has ended in a unit is found by gk_case_ended_by_grid, and what is open by gk_case_open. An index of both was kept with each case
-- that came in, and led who wanted the first few of a unit through all that ever happened there.

DROP INDEX IF EXISTS gk_case_by_grid;
