-- A version's whole life, from which the units of every generation are counted without reading a version.
CREATE INDEX gk_unit_version_by_life ON gk_unit_version (level, from_generation, to_generation);
