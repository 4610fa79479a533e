-- Generations that roll back, rosters that come with a generation, and the district of a case.

-- The number of the generation whose boundaries this one brings back.
ALTER TABLE gk_generation ADD COLUMN restores INTEGER;

-- The generation with which a roster takes effect; none takes effect when it is written.
ALTER TABLE gk_roster ADD COLUMN layer TEXT;
ALTER TABLE gk_roster ADD COLUMN generation INTEGER;

-- The code of the coarsest unit that holds the case; null outside of all.
ALTER TABLE gk_case ADD COLUMN district TEXT;
