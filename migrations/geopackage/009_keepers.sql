-- Clocks that ring, cases in doubt between two units, and keepers with what is theirs.

-- When the next word about one of its clocks is due; null while none runs.
ALTER TABLE gk_case ADD COLUMN alarm_at DATETIME;
-- Metres to the border, where it is so near that the grid is in doubt; else null.
ALTER TABLE gk_case ADD COLUMN border_m DOUBLE;
CREATE INDEX gk_case_by_alarm ON gk_case (alarm_at) WHERE alarm_at IS NOT NULL;
CREATE INDEX gk_case_by_border ON gk_case (border_m) WHERE border_m IS NOT NULL AND is_open = 1;
CREATE INDEX gk_case_open_by_holder ON gk_case (holder) WHERE is_open = 1;
-- An older program told of no clock: what has a due time rings then.
UPDATE gk_case SET alarm_at = due_at WHERE is_open = 1;

-- Ids of workers who are asked to look at the place, or named for an open task, each between line breaks.
ALTER TABLE gk_case ADD COLUMN people TEXT;

-- By which keys of reports are forgotten after a time.
CREATE INDEX gk_case_token_by_time ON gk_case_token (at);

-- The worker whose key it is; null where it is nobody's own.
ALTER TABLE gk_key ADD COLUMN worker TEXT;

-- Who is told of which event by name, and why: came, left, asked, task or late.
CREATE TABLE gk_notice (
  worker INTEGER NOT NULL REFERENCES gk_person (key),
  number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  case_id TEXT NOT NULL,
  at DATETIME NOT NULL,
  PRIMARY KEY (worker, number, kind)
) WITHOUT ROWID;

-- What people put on record beside cases: ruling, border_report, consent or skill. Entries end, and are not taken out.
CREATE TABLE gk_entry (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  at DATETIME NOT NULL,
  author TEXT NOT NULL,
  lon DOUBLE,
  lat DOUBLE,
  radius_m DOUBLE,
  unit_code TEXT,
  worker INTEGER REFERENCES gk_person (key),
  case_id TEXT,
  text TEXT NOT NULL,
  expires_at DATETIME,
  ended_at DATETIME,
  ended_by TEXT,
  ended_text TEXT
);
CREATE INDEX gk_entry_by_kind ON gk_entry (kind, at);

-- Tables of addresses in the order of their imports, and their rows, which go on from one to the next where they stay the same.
CREATE TABLE gk_address_table (
  number INTEGER NOT NULL PRIMARY KEY,
  created_at DATETIME NOT NULL,
  author TEXT NOT NULL
);
CREATE TABLE gk_address (
  key INTEGER NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  zone TEXT NOT NULL,
  street TEXT NOT NULL,
  plate TEXT NOT NULL,
  name TEXT NOT NULL,
  alias TEXT NOT NULL,
  lon DOUBLE NOT NULL,
  lat DOUBLE NOT NULL,
  from_table INTEGER NOT NULL REFERENCES gk_address_table (number),
  to_table INTEGER REFERENCES gk_address_table (number)
);
