-- By which ended cases of a department are found where few of many are its own, as cases are by state and category.

CREATE INDEX gk_case_ended_by_department ON gk_case USING gin (string_to_array(departments, E'\n')) WHERE is_open IS DISTINCT FROM 1;
