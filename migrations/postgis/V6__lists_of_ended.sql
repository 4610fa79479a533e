-- By which ended cases of a department or a unit are found where few of many are wanted, as cases are by state and category. What is open
-- in a unit is found by gk_case_open. An index of both was kept with each case that came in.

CREATE INDEX gk_case_ended_by_department ON gk_case USING gin (string_to_array(departments, E'\n')) WHERE is_open IS DISTINCT FROM 1;
CREATE INDEX gk_case_ended_by_grid ON gk_case (grid, id) WHERE is_open IS DISTINCT FROM 1;
DROP INDEX gk_case_by_grid;
