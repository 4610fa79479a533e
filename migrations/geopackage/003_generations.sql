-- Generations that roll back, and rosters that come with a generation.

-- The number of the generation whose boundaries this one brings back.
ALTER TABLE gk_generation ADD COLUMN restores INTEGER;

-- The generation with which a roster takes effect; none takes effect when it is written.
ALTER TABLE gk_roster ADD COLUMN layer TEXT;
ALTER TABLE gk_roster ADD COLUMN generation INTEGER;
