-- Generations that roll back or are known again, rosters that come with a generation, and the district of a case.

-- The number of the generation whose boundaries this one brings back.
ALTER TABLE gk_generation ADD COLUMN restores INTEGER;

-- SHA-256 over all that the check looked at, so that what was checked is known again; null where an older program wrote it.
ALTER TABLE gk_generation ADD COLUMN seal BLOB;

-- The generation with which a roster takes effect; none takes effect when it is written.
ALTER TABLE gk_roster ADD COLUMN layer TEXT;
ALTER TABLE gk_roster ADD COLUMN generation INTEGER;

-- The code of the coarsest unit that holds the case; null outside of all.
ALTER TABLE gk_case ADD COLUMN district TEXT;
